import type { Clock } from '../base/clock.ts'
import type { OrderedMap } from '../store/table.ts'
import type { Item } from './watch-cache.ts'

/** Snapshots kept for lists in pages; when there are more, the oldest goes (its pages are rebuilt from the window, or 410). */
const SNAPSHOTS_MAX = 32
/** As long as etcd keeps revisions between the compactions that a kube-apiserver asks for. */
const SNAPSHOT_AGE_MAX_MS = 5 * 60_000

interface Snapshot {
  /** The state is that of all revisions in [from, until). */
  readonly from: number
  until: number
  readonly items: OrderedMap<Item>
  readonly takenAt: number
}

/** States of the past, kept so that the pages of one list fit together. A clone of the ordered map costs nothing. */
export class Snapshots {
  private readonly clock: Clock
  private kept: Snapshot[] = []

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The state since revision `from` is `items`: remembers it as long as limits allow. */
  keep(from: number, items: OrderedMap<Item>, until = Number.POSITIVE_INFINITY): void {
    if (this.kept.some((snapshot) => snapshot.from === from)) return
    this.kept.push({ from, until, items: items.clone(), takenAt: this.clock.monotonic() })
    if (this.kept.length > SNAPSHOTS_MAX) this.kept.shift()
  }

  /** The present state ends with a change at `revision`. */
  changed(revision: number): void {
    for (const snapshot of this.kept) if (snapshot.until === Number.POSITIVE_INFINITY) snapshot.until = revision
  }

  at(revision: number): OrderedMap<Item> | undefined {
    const oldest = this.clock.monotonic() - SNAPSHOT_AGE_MAX_MS
    if (this.kept.some((snapshot) => snapshot.takenAt < oldest))
      this.kept = this.kept.filter((snapshot) => snapshot.takenAt >= oldest)
    return this.kept.find((snapshot) => snapshot.from <= revision && revision < snapshot.until)?.items
  }
}
