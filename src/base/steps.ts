/** Work that is cut into steps: at once for callers that wait for nobody, in several turns of the event loop where others want theirs. */

/** Each `yield` ends a step of a few ms at most. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Resolves in a later turn of the event loop. */
export type Pause = () => Promise<void>

export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

async function inTurns<T>(steps: Steps<T>, pause: Pause): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await pause()
  }
}

/** Synchronous where there is nobody to give way to. */
export function stepwise<T>(steps: Steps<T>, pause: Pause | undefined): T | Promise<T> {
  return pause ? inTurns(steps, pause) : atOnce(steps)
}
