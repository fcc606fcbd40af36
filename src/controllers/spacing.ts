import type { Clock } from '../base/clock.ts'

/** Work on this many things is not worth holding back. */
const FREE_SIZE = 50
const MS_PER_THING = 0.2
const SPACING_MAX_MS = 1000

/**
 * Holds back what is recomputed as a whole for each small change, the longer the larger it is: 50 pods of a Service not at
 * all, 300 by 50 ms, 1000 by 190 ms. Without it, N pods becoming ready one by one cost N times N.
 */
export class Spacing {
  private readonly clock: Clock
  private readonly nextAt = new Map<string, number>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** How long the key has to wait, in ms; 0 when it may be worked on now. */
  wait(key: string): number {
    const at = this.nextAt.get(key)
    if (at === undefined) return 0
    const left = at - this.clock.monotonic()
    if (left > 0) return left
    this.nextAt.delete(key)
    return 0
  }

  /** The key was worked on, and has `size` things. */
  worked(key: string, size: number): void {
    const ms = Math.min((size - FREE_SIZE) * MS_PER_THING, SPACING_MAX_MS)
    if (ms > 0) this.nextAt.set(key, this.clock.monotonic() + ms)
  }
}
