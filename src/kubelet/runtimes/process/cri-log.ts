/**
 * Container output as the kubelet's log files hold it (CRI log format): `TIME STREAM TAG TEXT\n`, tag F for a full line, P for a
 * part of one that goes on. TIME is when the bytes arrived.
 *
 *   2026-01-02T03:04:05.678901234Z stdout F hello
 *
 * Source: Kubernetes' CRI API, log path and format; containerd splits at 16 KiB.
 */
import { rfc3339Nano } from '../../../api/time.ts'

/** Bytes of program output in one record. */
export const LOG_RECORD_BYTES_MAX = 16 * 1024

export type LogStream = 'stdout' | 'stderr'

const NEWLINE = 10
/** The tag P. */
const PARTIAL = 80
const encoder = new TextEncoder()

/**
 * Cuts one stream of one container into records. Holds at most LOG_RECORD_BYTES_MAX bytes of an unfinished line. A program that
 * writes the shortest of lines makes 20 times as many bytes of records as it writes: they are laid out in one piece.
 */
export class LogFramer {
  private readonly stream: LogStream
  /** The beginning of an unfinished line: its first `restBytes` bytes. */
  private rest = new Uint8Array(0)
  private restBytes = 0

  constructor(stream: LogStream) {
    this.stream = stream
  }

  /** Records that `bytes`, arrived at `atMs` (since 1970, with a fraction), complete; empty when none is complete. */
  push(bytes: Uint8Array, atMs: number): Uint8Array {
    const records = newlinesIn(bytes) + Math.floor((this.restBytes + bytes.length) / LOG_RECORD_BYTES_MAX)
    const full = this.head(atMs, 'F')
    const part = this.head(atMs, 'P')
    const out = new Uint8Array(records === 0 ? 0 : this.restBytes + bytes.length + records * (full.length + 1))
    let at = 0
    let from = 0
    while (from < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, from)
      const end = newline < 0 ? bytes.length : newline
      const room = LOG_RECORD_BYTES_MAX - this.restBytes
      const isPart = end - from > room
      if (!isPart && newline < 0) break
      const to = isPart ? from + room : end
      const head = isPart ? part : full
      at = put(out, at, { bytes: head, from: 0, to: head.length })
      at = put(out, at, { bytes: this.rest, from: 0, to: this.restBytes })
      at = put(out, at, { bytes, from, to })
      out[at++] = NEWLINE
      this.restBytes = 0
      from = isPart ? to : to + 1
    }
    this.keep(bytes.subarray(from))
    return out.subarray(0, at)
  }

  /** The stream has ended: what was left without a newline is a part of a line, as with containerd. */
  end(atMs: number): Uint8Array {
    if (this.restBytes === 0) return new Uint8Array(0)
    const out = this.push(Uint8Array.of(NEWLINE), atMs)
    out[this.head(atMs, 'F').length - 2] = PARTIAL
    return out
  }

  /** Copied: the caller's buffer is used again. */
  private keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.rest.length === 0) this.rest = new Uint8Array(LOG_RECORD_BYTES_MAX)
    this.rest.set(bytes, this.restBytes)
    this.restBytes += bytes.length
  }

  private head(atMs: number, tag: 'F' | 'P'): Uint8Array {
    return encoder.encode(`${rfc3339Nano(atMs)} ${this.stream} ${tag} `)
  }
}

/** Up to here a loop copies faster than a call. */
const SHORT_BYTES = 64

interface Piece {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

/** Writes a piece at `at`; returns where it ends. */
function put(out: Uint8Array, at: number, { bytes, from, to }: Piece): number {
  if (to - from > SHORT_BYTES) out.set(bytes.subarray(from, to), at)
  else for (let i = from; i < to; i++) out[at + i - from] = bytes[i] as number
  return at + to - from
}

function newlinesIn(bytes: Uint8Array): number {
  let count = 0
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === NEWLINE) count++
  return count
}
