/** A client at a running container's own input and output. */
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecSession } from '../../runtime.ts'
import type { Container } from './container.node.ts'
import { setTerminalSize, terminalOwner } from './exec.node.ts'
import { openFifoForWriting } from './fifo.node.ts'
import { ByteQueue } from './output.node.ts'

/** Between looks whether a full pipe has room again, in ms. */
const FULL_WAIT_MS = 5

export function attachTo(container: Container): ExecSession {
  const stdout = new ByteQueue()
  const stderr = new ByteQueue()
  const stop = container.output?.listen((stream, bytes) => {
    ;(stream === 'stdout' ? stdout : stderr).push(bytes)
  })
  const { stdin, tty, stdinOnce } = container.record.config
  let input = stdin || tty ? openFifoForWriting(join(container.directory, 'in')) : undefined
  const close = () => {
    if (input !== undefined) closeSync(input)
    input = undefined
  }
  // One after the other: the pipe may be full for as long as the program does not read.
  let writing = Promise.resolve()
  const write = (bytes: Uint8Array) => {
    writing = writing.then(() => writeAll(() => input, bytes))
    return writing
  }
  const detach = () => {
    stop?.()
    close()
    stdout.end()
    stderr.end()
  }
  const exit = container.exit().then(() => {
    detach()
    return container.status().exitCode ?? 0
  })
  return {
    stdout,
    stderr,
    write,
    closeStdin: () => {
      void writing.then(() => {
        close()
        if (stdinOnce) container.closeInput()
      })
    },
    resize: (columns, rows) => {
      const owner = container.shimPid === undefined ? undefined : terminalOwner(container.shimPid)
      if (owner !== undefined) setTerminalSize(owner, columns, rows)
    },
    exit,
    kill: detach,
  }
}

/** Resolves when the pipe has taken all, or is gone: closed by us, or broken. */
async function writeAll(pipe: () => number | undefined, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const fd = pipe()
    const written = fd === undefined ? undefined : writeNow(fd, bytes.subarray(at))
    if (written === undefined) return
    at += written
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, FULL_WAIT_MS))
  }
}

/** Bytes that the pipe took; 0 when it is full, undefined when it takes no more. */
function writeNow(fd: number, bytes: Uint8Array): number | undefined {
  try {
    return writeSync(fd, bytes)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : undefined
  }
}
