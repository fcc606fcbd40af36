/**
 * The output of a container while its start is under way. What comes before the program runs is the launcher's, and never the
 * container's: it is kept until it is known which of the two it was. Pure.
 */
import type { LogStream } from './cri-log.ts'

/** Bytes that are kept; a launcher says less, and of a program that says more the start is known by then. */
const KEPT_BYTES_MAX = 64 * 1024

interface Piece {
  readonly stream: LogStream
  readonly bytes: Uint8Array
}

export class StartGate {
  private readonly pass: (stream: LogStream, bytes: Uint8Array) => void
  private kept: Piece[] = []
  private keptBytes = 0
  private state: 'closed' | 'open' | 'shut' = 'closed'

  constructor(pass: (stream: LogStream, bytes: Uint8Array) => void) {
    this.pass = pass
  }

  take(stream: LogStream, bytes: Uint8Array): void {
    if (this.state === 'open') this.pass(stream, bytes)
    if (this.state !== 'closed') return
    // The caller's buffer is used again. Not slice(): that of a Buffer copies nothing.
    this.kept.push({ stream, bytes: new Uint8Array(bytes) })
    this.keptBytes += bytes.length
    if (this.keptBytes > KEPT_BYTES_MAX) this.open()
  }

  /** The program runs: what was kept is its own, and passes in the order in which it came. */
  open(): void {
    if (this.state !== 'closed') return
    this.state = 'open'
    for (const { stream, bytes } of this.kept) this.pass(stream, bytes)
    this.kept = []
  }

  /** It never ran: nothing passes any more. */
  shut(): void {
    if (this.state === 'closed') this.state = 'shut'
  }

  /** What has been kept, of both streams: a terminal has but one. Empty once the gate is open. */
  get said(): string {
    const decoder = new TextDecoder()
    return this.kept
      .map(({ bytes }) => decoder.decode(bytes))
      .join('')
      .replaceAll('\r\n', '\n')
  }

  /** The start is tried once more. */
  forget(): void {
    this.kept = []
    this.keptBytes = 0
  }
}
