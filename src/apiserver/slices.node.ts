/** Long answers are made and written in pieces, long requests worked on in turns: who asks for little meanwhile is answered in between. */

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

/** Requests that wait for another turn, in order. */
const turns: (() => void)[] = []

/**
 * Resolves in a later turn of the event loop: in each but one request goes on, however many wait, and all sockets are looked at and
 * what is ready is written before the next. (Immediates would all run in one turn, and before the answers that became ready in it.)
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (turns.push(resolve) === 1) setTimeout(turn, 0)
  })
}

function turn(): void {
  const next = turns.shift()
  if (turns.length > 0) setTimeout(turn, 0)
  next?.()
}

function slice(): void {
  const until = performance.now() + SLICE_MS
  let done = 0
  while (done < waiting.length && (done === 0 || performance.now() < until)) waiting[done++]?.()
  waiting = waiting.slice(done)
  if (waiting.length > 0) setImmediate(slice)
}
