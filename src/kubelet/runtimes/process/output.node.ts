/** The output of one container: read from its FIFOs, written to its log file with the time of arrival, shown to who attached. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { LogFramer, type LogStream } from './cri-log.ts'
import { type FifoReader, readFifo } from './fifo.node.ts'
import { StartGate } from './start-gate.ts'

/** Bytes that one attached client may lag behind; past it the client is let go, the container is not slowed down. */
const ATTACH_BACKLOG_BYTES_MAX = 4 * 1024 * 1024

export class ContainerOutput {
  private readonly clock: Clock
  private readonly log: number
  private readonly readers: FifoReader[]
  private readonly framers: Record<LogStream, LogFramer>
  private readonly listeners = new Set<(stream: LogStream, bytes: Uint8Array) => void>()
  private open = true
  private lostBytes = 0
  /** Until the program runs nothing of what comes is its own. */
  readonly start = new StartGate((stream, bytes) => this.pass(stream, bytes))

  constructor(clock: Clock, directory: string, logFile: string) {
    this.clock = clock
    this.framers = { stdout: new LogFramer('stdout'), stderr: new LogFramer('stderr') }
    mkdirSync(dirname(logFile), { recursive: true })
    this.log = openSync(logFile, 'a', 0o640)
    this.readers = [
      readFifo(join(directory, 'out'), (bytes) => this.start.take('stdout', bytes)),
      readFifo(join(directory, 'err'), (bytes) => this.start.take('stderr', bytes)),
    ]
  }

  listen(listener: (stream: LogStream, bytes: Uint8Array) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  drain(): void {
    for (const reader of this.readers) reader.drain()
  }

  /** Takes what is still in the pipes, writes the last unfinished lines, closes. Nothing may write to the pipes any more. */
  finish(): void {
    if (!this.open) return
    this.drain()
    const now = this.clock.now()
    for (const framer of Object.values(this.framers)) this.write(framer.end(now))
    this.close()
  }

  /** Closes without taking anything: what is in the pipes is for the next node process. */
  close(): void {
    if (!this.open) return
    this.open = false
    for (const reader of this.readers) reader.close()
    closeSync(this.log)
    this.listeners.clear()
  }

  private pass(stream: LogStream, bytes: Uint8Array): void {
    if (!this.open) return
    this.write(this.framers[stream].push(bytes, this.clock.now()))
    for (const listener of this.listeners) listener(stream, bytes)
  }

  /** A full disk must not take the node process down; what is missing is said in the log as soon as there is room. */
  private write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    try {
      if (this.lostBytes > 0) {
        const text = `ebb: ${this.lostBytes} bytes of log could not be written here\n`
        writeAll(this.log, new LogFramer('stderr').push(Buffer.from(text), this.clock.now()))
        this.lostBytes = 0
      }
      writeAll(this.log, bytes)
    } catch {
      this.lostBytes += bytes.length
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let from = 0
  while (from < bytes.length) from += writeSync(fd, bytes, from)
}

/** A bounded queue of bytes between a producer that never waits and an async iterator. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  private readonly queue: Uint8Array[] = []
  private bytes = 0
  private ended = false
  private wake: (() => void) | undefined

  /** False when the reader lags too far behind; the queue has then ended. */
  push(bytes: Uint8Array): boolean {
    if (this.ended) return false
    if (this.bytes + bytes.length > ATTACH_BACKLOG_BYTES_MAX) {
      this.end()
      return false
    }
    this.queue.push(bytes.slice())
    this.bytes += bytes.length
    this.wake?.()
    return true
  }

  end(): void {
    this.ended = true
    this.wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.queue.shift()
      if (next) {
        this.bytes -= next.length
        yield next
      } else if (this.ended) return
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
        this.wake = undefined
      }
    }
  }
}
