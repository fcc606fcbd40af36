/** The output of one container: read from its FIFOs, written to its log files with the time of arrival, shown to who attached. */
import { closeSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { LOG_BYTES_MAX, rotateLog } from '../../log-files.node.ts'
import { LogFramer, type LogStream } from './cri-log.ts'
import { type FifoReader, readFifo } from './fifo.node.ts'
import { StartGate } from './start-gate.ts'

/** Bytes that one attached client may lag behind; past it the client is let go, the container is not slowed down. */
const ATTACH_BACKLOG_BYTES_MAX = 4 * 1024 * 1024
/** What a piece that waits for such a client costs beside its bytes. */
const PIECE_COST_BYTES = 128

export class ContainerOutput {
  private readonly clock: Clock
  private readonly logFile: string
  private log: number
  private logBytes: number
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
    this.logFile = logFile
    this.log = openLog(logFile)
    this.logBytes = fstatSync(this.log).size
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
      if (this.logBytes > 0 && this.logBytes + bytes.length > LOG_BYTES_MAX) this.rotate()
      if (this.lostBytes > 0) {
        const text = `ebb: ${this.lostBytes} bytes of log could not be written here\n`
        this.append(new LogFramer('stderr').push(Buffer.from(text), this.clock.now()))
        this.lostBytes = 0
      }
      this.append(bytes)
    } catch {
      this.lostBytes += bytes.length
    }
  }

  private append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const written = writeSync(this.log, bytes, from)
      from += written
      this.logBytes += written
    }
  }

  /** Records are never cut: a file ends with the last that has room. */
  private rotate(): void {
    rotateLog(this.logFile, this.clock.now())
    const next = openLog(this.logFile)
    closeSync(this.log)
    this.log = next
    this.logBytes = 0
  }
}

const openLog = (path: string): number => openSync(path, 'a', 0o640)

/** A bounded queue of bytes between a producer that never waits and an async iterator. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  private readonly queue: Uint8Array[] = []
  private bytes = 0
  private ended = false
  private wake: (() => void) | undefined

  /** False when the reader lags too far behind; the queue has then ended. */
  push(bytes: Uint8Array): boolean {
    if (this.ended) return false
    const cost = bytes.length + PIECE_COST_BYTES
    if (this.bytes + cost > ATTACH_BACKLOG_BYTES_MAX) {
      this.end()
      return false
    }
    // Not slice(): that of a Buffer copies nothing.
    this.queue.push(new Uint8Array(bytes))
    this.bytes += cost
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
        this.bytes -= next.length + PIECE_COST_BYTES
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
