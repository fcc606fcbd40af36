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
const encoder = new TextEncoder()

/** Cuts one stream of one container into records. Holds at most LOG_RECORD_BYTES_MAX bytes of an unfinished line. */
export class LogFramer {
  private readonly stream: LogStream
  private rest: Uint8Array[] = []
  private restBytes = 0

  constructor(stream: LogStream) {
    this.stream = stream
  }

  /** Records that `bytes`, arrived at `atMs` (since 1970, with a fraction), complete; empty when none is complete. */
  push(bytes: Uint8Array, atMs: number): Uint8Array {
    const heads = { full: this.head(atMs, 'F'), part: this.head(atMs, 'P') }
    const out: Uint8Array[] = []
    let from = 0
    while (from < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, from)
      const end = newline < 0 ? bytes.length : newline
      const room = LOG_RECORD_BYTES_MAX - this.restBytes
      if (end - from > room) {
        this.keep(bytes.subarray(from, from + room))
        this.record(out, heads.part)
        from += room
        continue
      }
      this.keep(bytes.subarray(from, end))
      if (newline < 0) break
      this.record(out, heads.full)
      from = newline + 1
    }
    // What stays is copied: the caller's buffer is reused.
    this.rest = this.rest.length > 0 ? [concat(this.rest)] : []
    return concat(out)
  }

  /** The stream has ended: what was left without a newline is a line. */
  end(atMs: number): Uint8Array {
    if (this.restBytes === 0) return new Uint8Array(0)
    const out: Uint8Array[] = []
    this.record(out, this.head(atMs, 'F'))
    return concat(out)
  }

  private keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.rest.push(bytes)
    this.restBytes += bytes.length
  }

  private record(out: Uint8Array[], head: Uint8Array): void {
    out.push(head, ...this.rest, Uint8Array.of(NEWLINE))
    this.rest = []
    this.restBytes = 0
  }

  private head(atMs: number, tag: 'F' | 'P'): Uint8Array {
    return encoder.encode(`${rfc3339Nano(atMs)} ${this.stream} ${tag} `)
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return (parts[0] as Uint8Array).slice()
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
