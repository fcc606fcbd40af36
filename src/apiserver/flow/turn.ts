/** How much of one turn of the event loop goes to requests that may wait: the sockets of all others are looked at in between. */
import type { Clock } from '../../base/clock.ts'

/** Work on requests that may wait goes on for this long, in ms; what is left waits for the next turn. */
const TURN_MS = 5

export class Turn {
  private readonly clock: Clock
  private readonly listeners: (() => void)[] = []
  private beganAt: number | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Whether more may be begun in this turn. */
  begin(): boolean {
    if (this.beganAt !== undefined) return this.clock.monotonic() - this.beganAt < TURN_MS
    this.beganAt = this.clock.monotonic()
    this.clock.setTimer(0, () => {
      this.beganAt = undefined
      for (const listener of this.listeners) listener()
    })
    return true
  }

  /** Tells that a new turn has begun, whenever one had ended. */
  onNext(listener: () => void): void {
    this.listeners.push(listener)
  }
}
