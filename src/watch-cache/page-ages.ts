import type { Clock } from '../base/clock.ts'

/** How long the tokens of a list are good: a kube-apiserver has etcd compacted every five minutes. */
const PAGES_AGE_MAX_MS = 5 * 60_000
/** Lists that begin within this are as old as the first of them. */
const NOTED_EVERY_MS = 1_000

/**
 * When lists in pages began. Their tokens end with age, as clients expect of etcd, although the state may still be known: a client
 * that goes on after an hour has to hear that its list is an old one.
 */
export class PageAges {
  private readonly clock: Clock
  /** Oldest first; one for each NOTED_EVERY_MS of PAGES_AGE_MAX_MS at most. */
  private readonly noted: { revision: number; at: number }[] = []
  /** The newest revision whose time is over. */
  private ended = -1

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** A list in pages begins, at the newest revision. */
  begun(revision: number): void {
    const now = this.clock.monotonic()
    const last = this.noted.at(-1)
    if (last?.revision === revision) last.at = now
    else if (last && now - last.at < NOTED_EVERY_MS) last.revision = revision
    else this.noted.push({ revision, at: now })
    this.endBefore(now - PAGES_AGE_MAX_MS)
  }

  /** Whether pages of this revision are too old to go on with. */
  over(revision: number): boolean {
    this.endBefore(this.clock.monotonic() - PAGES_AGE_MAX_MS)
    return revision <= this.ended
  }

  private endBefore(oldest: number): void {
    for (let first = this.noted[0]; first && first.at < oldest; first = this.noted[0]) {
      this.ended = first.revision
      this.noted.shift()
    }
  }
}
