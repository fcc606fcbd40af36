/** For SimClock on Node: microtasks have run dry when the event loop comes round. */
import { setMaxListeners } from 'node:events'

// Everything in a simulated world waits for the end of the same lifetimes.
setMaxListeners(0)

export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
