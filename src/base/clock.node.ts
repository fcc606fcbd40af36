import type { Clock } from './clock.ts'

/** Largest delay that setTimeout accepts, in ms; longer ones would fire at once. */
const TIMER_DELAY_MAX_MS = 2 ** 31 - 1
/**
 * How far the fine clock may be from the machine's, in ms, before it is set by it: more than a process that is taken off the
 * processor between two looks makes of it, less than anybody sets a clock by.
 */
const SKEW_MAX_MS = 50

/** The machine's clocks, as this process reads them. */
export interface MachineClock {
  /** Whole ms since 1970; goes where the machine's clock is set to. */
  wall(): number
  /** Ms since the process began, with a fraction. Stands still while the machine sleeps. */
  monotonic(): number
}

/**
 * Wall time with a fraction of a millisecond, comparable between processes of one machine: between two settings of the machine's
 * clock it goes on as evenly as the monotonic one; when the clock is set, or the machine has slept, it follows.
 */
export function wallTime({ wall, monotonic }: MachineClock, origin: number): () => number {
  return () => {
    const now = origin + monotonic()
    if (Math.abs(wall() - now) <= SKEW_MAX_MS) return now
    // Once more, closer together: perhaps it was only this process that slept.
    const [exact, whole] = [origin + monotonic(), wall()]
    if (Math.abs(whole - exact) > SKEW_MAX_MS) origin += whole - exact
    return origin + monotonic()
  }
}

const machine: MachineClock = { wall: () => Date.now(), monotonic: () => performance.now() }

/** The machine's clock. `now()` is its wall time, `monotonic()` and timers take no notice of its being set. */
export const systemClock: Clock = {
  now: wallTime(machine, performance.timeOrigin),
  monotonic: machine.monotonic,
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(delayMs, 0), TIMER_DELAY_MAX_MS))
    return { cancel: () => clearTimeout(timer) }
  },
}
