/** Long answers are made and written in pieces, so that whoever asks for little meanwhile is answered in between. */

/** Work on long answers in one turn of the event loop, in ms; what is left goes on in the next, after the sockets were looked at. */
const SLICE_MS = 2

let waiting: (() => void)[] = []

/** Runs a step of at most 2 or 3 ms in its turn, behind those that wait already. Rejects with what it throws. */
export function inSlice<T>(step: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) setImmediate(slice)
    waiting.push(() => {
      try {
        resolve(step())
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

function slice(): void {
  const until = performance.now() + SLICE_MS
  let done = 0
  while (done < waiting.length && (done === 0 || performance.now() < until)) waiting[done++]?.()
  waiting = waiting.slice(done)
  if (waiting.length > 0) setImmediate(slice)
}
