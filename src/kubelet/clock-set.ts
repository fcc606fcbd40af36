/** Durations are counted by the monotonic clock, instants are told by the other: whoever keeps instants to wait for follows its setting. */
import type { Clock } from '../base/clock.ts'

/** Less than this, in ms, is not a setting but two clocks read one after the other. */
const SET_MIN_MS = 50

/** Tells, each time it is asked, by how many ms the machine's clock was set since the last time; 0 when it was not. */
export function clockSettings(clock: Clock): () => number {
  const offset = () => clock.now() - clock.monotonic()
  let last = offset()
  return () => {
    const byMs = offset() - last
    if (Math.abs(byMs) < SET_MIN_MS) return 0
    last += byMs
    return byMs
  }
}

/** What is tried again at an instant, after a setting of the clock. */
export function retriedLater<T extends { readonly retryAtMs?: number }>(view: T, byMs: number): T {
  return view.retryAtMs === undefined || byMs === 0 ? view : { ...view, retryAtMs: view.retryAtMs + byMs }
}
