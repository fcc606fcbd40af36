import type { Clock } from './clock.ts'

/** Largest delay that setTimeout accepts, in ms; longer ones would fire at once. */
const TIMER_DELAY_MAX_MS = 2 ** 31 - 1

/** The machine's clock. `now()` has sub-millisecond resolution and is comparable between processes of one machine. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(delayMs, 0), TIMER_DELAY_MAX_MS))
    return { cancel: () => clearTimeout(timer) }
  },
}
