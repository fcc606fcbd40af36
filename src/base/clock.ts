/** Handle of a pending timer; `cancel` after it fired, or twice, does nothing. */
export interface Timer {
  cancel(): void
}

/** The only source of time. The real one is `clock.node.ts`, the virtual one `sim/sim-clock.ts`. */
export interface Clock {
  /** Wall time in milliseconds since 1970, with a fraction where the source has one. */
  now(): number
  /** Milliseconds since an arbitrary start, never going back. For durations. */
  monotonic(): number
  /** Calls `fire` once, `delayMs` from now (0 or less: as soon as possible, never synchronously). */
  setTimer(delayMs: number, fire: () => void): Timer
}

/** Resolves after `ms`, or at once when `signal` aborts (it never rejects: look at `signal.aborted`). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    const stop = () => {
      timer.cancel()
      resolve()
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}
