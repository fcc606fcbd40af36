import type { Clock } from '../../base/clock.ts'

/** After this time an expectation is given up: the informer must have shown everything, or the write never happened. */
const EXPECTATION_TIMEOUT_MS = 300_000

interface Expectation {
  creations: number
  /** `namespace/name uid` of pods whose end has not been seen. */
  readonly deletions: Set<string>
  readonly at: number
}

/**
 * What an owner has done and not yet seen come back through its informer. While something is outstanding the informer's
 * count of pods is wrong by that much, and the owner must not create or delete more.
 *
 *   expectCreations('default/web', 3) ... three pods seen: created('default/web') each ... wait('default/web') === 0
 */
export class Expectations {
  private readonly clock: Clock
  private readonly entries = new Map<string, Expectation>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  expect(key: string, creations: number, deletions: readonly string[] = []): void {
    this.entries.set(key, { creations, deletions: new Set(deletions), at: this.clock.monotonic() })
  }

  /** In how many ms the key may be worked on at the latest; 0: now. */
  wait(key: string): number {
    const entry = this.entries.get(key)
    if (!entry) return 0
    const left = entry.at + EXPECTATION_TIMEOUT_MS - this.clock.monotonic()
    if ((entry.creations > 0 || entry.deletions.size > 0) && left > 0) return left
    this.entries.delete(key)
    return 0
  }

  /** A creation was seen, or will never be (the request failed). */
  created(key: string, count = 1): void {
    const entry = this.entries.get(key)
    if (entry) entry.creations -= count
  }

  /** A pod was seen marked for deletion or gone, or its deletion failed. */
  deleted(key: string, pod: string): void {
    this.entries.get(key)?.deletions.delete(pod)
  }

  forget(key: string): void {
    this.entries.delete(key)
  }
}
