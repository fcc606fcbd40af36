/** A client at a running container's own input and output. */
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecSession } from '../../runtime.ts'
import type { Container } from './container.node.ts'
import { setTerminalSize, terminalOwner } from './exec.node.ts'
import { openFifoForWriting } from './fifo.node.ts'
import { ByteQueue } from './output.node.ts'

export function attachTo(container: Container): ExecSession {
  const stdout = new ByteQueue()
  const stderr = new ByteQueue()
  const stop = container.output?.listen((stream, bytes) => {
    ;(stream === 'stdout' ? stdout : stderr).push(bytes)
  })
  const { stdin, tty, stdinOnce } = container.record.config
  let input = stdin || tty ? openFifoForWriting(join(container.directory, 'in')) : undefined
  const closeStdin = () => {
    if (input !== undefined) closeSync(input)
    input = undefined
  }
  const detach = () => {
    stop?.()
    closeStdin()
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
    write: async (bytes) => {
      if (input !== undefined) writeSync(input, bytes)
    },
    closeStdin: () => {
      closeStdin()
      if (stdinOnce) container.closeInput()
    },
    resize: (columns, rows) => {
      const owner = container.shimPid === undefined ? undefined : terminalOwner(container.shimPid)
      if (owner !== undefined) setTerminalSize(owner, columns, rows)
    },
    exit,
    kill: detach,
  }
}
