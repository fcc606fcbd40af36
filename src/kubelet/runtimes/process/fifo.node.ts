/** FIFOs read through epoll: an ordinary file stream would hold a thread of the pool for each. */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'

/** Bytes taken by one read of what is left. */
const READ_BYTES = 64 * 1024

export interface FifoReader {
  /** Takes, without waiting, all that is in the pipe now, and gives it to the listener. */
  drain(): void
  /** Stops listening and closes. */
  close(): void
}

/** Reads `path` until closed. It opens for writing too, so that the end of one writer is not the end. */
export function readFifo(path: string, listener: (bytes: Uint8Array) => void): FifoReader {
  const flags = constants.O_RDWR | constants.O_NONBLOCK
  const socket = new Socket({ fd: openSync(path, flags), readable: true, writable: false })
  const spare = openSync(path, flags)
  let open = true
  socket.on('data', listener)
  socket.on('error', () => {})
  return {
    drain() {
      if (!open) return
      for (let buffered: Uint8Array | null = socket.read(); buffered; buffered = socket.read()) listener(buffered)
      const buffer = Buffer.allocUnsafe(READ_BYTES)
      for (let bytes = readNow(spare, buffer); bytes > 0; bytes = readNow(spare, buffer))
        listener(buffer.subarray(0, bytes))
    },
    close() {
      if (!open) return
      open = false
      socket.destroy()
      closeSync(spare)
    },
  }
}

/** A writing end that never blocks and never gets SIGPIPE, also while nobody reads. */
export function openFifoForWriting(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
}

/** Throws away what waits in the pipe of `fd`, which was opened as by `openFifoForWriting`. */
export function drainFifo(fd: number): void {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  while (readNow(fd, buffer) > 0);
}

function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer, 0, buffer.length, null)
  } catch {
    // EAGAIN: empty.
    return 0
  }
}
