/** What must succeed in the end, however often it is tried. */
import { type Clock, sleep } from '../base/clock.ts'
import { isGone } from './gone.ts'

/** Between two tries, in ms. */
export const RETRY_MS = 1000

/** Again each second until it succeeds, or what was to be taken away is not there. Resolves early when `signal` aborts. */
export async function persist(
  what: string,
  run: () => Promise<unknown>,
  seams: { readonly clock: Clock; readonly signal: AbortSignal; failed(what: string, error: unknown): void },
): Promise<void> {
  while (!seams.signal.aborted) {
    try {
      await run()
      return
    } catch (error) {
      if (isGone(error)) return
      seams.failed(what, error)
      await sleep(seams.clock, RETRY_MS, seams.signal)
    }
  }
}
