/**
 * FIFOs read through epoll: an ordinary file stream would hold a thread of the pool for each. Programs that write without end take
 * turns: a bounded number of reads in each round of the event loop, whoever they are for.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'

/** Bytes taken by one read. */
const READ_BYTES = 64 * 1024
/** FIFOs that have just been read and are let go on in one round of the event loop; the others wait for the next. */
const TURNS_A_ROUND = 2
/** Bytes that a drain takes at most: what the largest pipe holds. More comes only from a program that goes on writing. */
const DRAIN_BYTES_MAX = 1024 * 1024

export interface FifoReader {
  /** Takes, without waiting, all that is in the pipe now, and gives it to the listener. */
  drain(): void
  /** Stops listening and closes. */
  close(): void
}

/**
 * Reads `path` until closed. It opens for writing too, so that the end of one writer is not the end. The bytes are the listener's
 * only until it returns.
 */
export function readFifo(path: string, listener: (bytes: Uint8Array) => void): FifoReader {
  const flags = constants.O_RDWR | constants.O_NONBLOCK
  const callback = (bytes: number) => {
    listener(shared.subarray(0, bytes))
    turns.wait(socket)
    return false
  }
  // The types know `onread` of `connect` only.
  const options = { fd: openSync(path, flags), readable: true, writable: false, onread: { buffer: shared, callback } }
  const socket = new Socket(options)
  const spare = openSync(path, flags)
  let open = true
  socket.on('error', () => {})
  socket.resume()
  return {
    drain() {
      if (!open) return
      for (let left = DRAIN_BYTES_MAX; left > 0; ) {
        const bytes = readNow(spare)
        if (bytes === 0) return
        listener(shared.subarray(0, bytes))
        left -= bytes
      }
    },
    close() {
      if (!open) return
      open = false
      socket.destroy()
      closeSync(spare)
    },
  }
}

/** All reads go here: each is dealt with before the next. No Buffer, whose `slice` would hand out this memory instead of a copy. */
const shared = new Uint8Array(READ_BYTES)

/** Sockets that were read in this round, in the order in which they go on. */
class Turns {
  private readonly waiting: Socket[] = []
  private isRunning = false

  wait(socket: Socket): void {
    this.waiting.push(socket)
    if (!this.isRunning) setImmediate(this.round)
    this.isRunning = true
  }

  private readonly round = (): void => {
    for (const socket of this.waiting.splice(0, TURNS_A_ROUND)) socket.resume()
    this.isRunning = this.waiting.length > 0
    if (this.isRunning) setImmediate(this.round)
  }
}

const turns = new Turns()

/** A writing end that never blocks and never gets SIGPIPE, also while nobody reads. */
export function openFifoForWriting(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
}

/** Throws away what waits in the pipe of `fd`, which was opened as by `openFifoForWriting`. */
export function drainFifo(fd: number): void {
  while (readNow(fd) > 0);
}

function readNow(fd: number): number {
  try {
    return readSync(fd, shared, 0, shared.length, null)
  } catch {
    // EAGAIN: empty.
    return 0
  }
}
