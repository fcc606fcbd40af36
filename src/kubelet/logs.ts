/**
 * Reads container logs in CRI format (`TIME STREAM TAG TEXT\n`) the way `kubectl logs` asks for them. Pure over bytes:
 * `LogReader` turns what a file gives, in whatever pieces, into what the client gets.
 */
import { parseTime, rfc3339 } from '../api/time.ts'

export interface LogOptions {
  readonly follow: boolean
  readonly previous: boolean
  /** Lines from the end. */
  readonly tailLines?: number
  /** Only lines at or after this time, in ms since 1970. */
  readonly sinceMs?: number
  readonly timestamps: boolean
  /** Bytes of output, cut in mid-line. */
  readonly limitBytes?: number
  readonly stream?: 'Stdout' | 'Stderr'
}

/** Reads the query of /containerLogs. Throws an Error with Kubernetes' words for numbers that are none. */
export function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const number = (name: string): number | undefined => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    const value = Number(text)
    if (!Number.isInteger(value)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
    return value
  }
  const flag = (name: string) => query.get(name) === 'true' || query.get(name) === '1'
  const tailLines = number('tailLines')
  const sinceSeconds = number('sinceSeconds')
  const limitBytes = number('limitBytes')
  const sinceTime = query.get('sinceTime')
  const sinceMs = sinceTime
    ? parseTime(sinceTime)
    : sinceSeconds === undefined
      ? undefined
      : nowMs - sinceSeconds * 1000
  const stream = query.get('stream')
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(stream === 'Stdout' || stream === 'Stderr' ? { stream } : {}),
  }
}

const NEWLINE = 10
const SPACE = 32
const PARTIAL = 80

/** Bytes of a record that may wait for its end; more is passed on as it is. Records of ours have 16 KiB at most, and a head. */
const RECORD_BYTES_MAX = 64 * 1024

/** Turns CRI records into output. Holds at most one unfinished record. */
export class LogReader {
  private readonly options: LogOptions
  private rest = new Uint8Array(0)
  private leftBytes: number
  /** The next record continues a line: it gets no timestamp of its own. */
  private continues = false
  private readonly sinceText: string
  /** What is given out for one call: never more than it took. */
  private out = new Uint8Array(0)
  private outBytes = 0

  constructor(options: LogOptions) {
    this.options = options
    this.leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY
    // To the second, without the Z: a fraction follows in the record.
    this.sinceText = options.sinceMs === undefined ? '' : rfc3339(options.sinceMs).slice(0, -1)
  }

  /** Whether limitBytes is used up. */
  get isFull(): boolean {
    return this.leftBytes <= 0
  }

  /** What the client gets for these bytes of the file. */
  push(bytes: Uint8Array): Uint8Array {
    const all = this.rest.length > 0 ? concat(this.rest, bytes) : bytes
    this.out = new Uint8Array(all.length)
    this.outBytes = 0
    let from = 0
    for (let at = all.indexOf(NEWLINE); at >= 0 && !this.isFull; at = all.indexOf(NEWLINE, from)) {
      this.record(all, from, at + 1)
      from = at + 1
    }
    if (all.length - from > RECORD_BYTES_MAX) {
      this.give(all, from, all.length)
      from = all.length
    }
    this.rest = all.slice(from)
    return this.out.subarray(0, this.outBytes)
  }

  /** One record with its newline. Records that are not in the format are passed on as they are. */
  private record(all: Uint8Array, from: number, to: number): void {
    const { timeEnd, streamEnd, tagEnd } = headOf(all, from)
    if (timeEnd < 0 || streamEnd < 0 || tagEnd < 0 || tagEnd >= to) {
      this.give(all, from, to)
      return
    }
    const { stream, timestamps } = this.options
    const isOut = all[timeEnd + 4] === 111 // the o of stdout
    if (stream && (stream === 'Stdout') !== isOut) return
    if (this.sinceText && latin(all.subarray(from, from + this.sinceText.length)) < this.sinceText) return
    const isPartial = all[streamEnd + 1] === PARTIAL
    if (timestamps && !this.continues) this.give(all, from, timeEnd + 1)
    this.continues = isPartial
    this.give(all, tagEnd + 1, isPartial ? to - 1 : to)
  }

  private give(all: Uint8Array, from: number, end: number): void {
    const to = Math.min(end, from + Math.max(0, this.leftBytes))
    this.leftBytes -= to - from
    const { out } = this
    if (to - from > SHORT_BYTES) out.set(all.subarray(from, to), this.outBytes)
    else for (let i = from; i < to; i++) out[this.outBytes + i - from] = all[i] as number
    this.outBytes += to - from
  }
}

/** Up to here a loop copies faster than a call. */
const SHORT_BYTES = 64

/** Where the parts of the record at `from` end; -1 where there is none. Those that we write have all the same length. */
function headOf(all: Uint8Array, from: number): { timeEnd: number; streamEnd: number; tagEnd: number } {
  if (all[from + 30] === SPACE && all[from + 37] === SPACE && all[from + 39] === SPACE)
    return { timeEnd: from + 30, streamEnd: from + 37, tagEnd: from + 39 }
  const timeEnd = all.indexOf(SPACE, from)
  const streamEnd = timeEnd < 0 ? -1 : all.indexOf(SPACE, timeEnd + 1)
  return { timeEnd, streamEnd, tagEnd: streamEnd < 0 ? -1 : all.indexOf(SPACE, streamEnd + 1) }
}

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/**
 * Where the last `lines` lines of a file begin, found backwards in blocks: what is read and what is kept do not grow with the lines
 * asked for beyond the file. A line made of partial records counts once. `read(from, to)` gives bytes of the file; undefined:
 * nobody wants to know any more, and the file's end is as good as any.
 */
export async function tailStart(
  size: number,
  lines: number,
  read: (from: number, to: number) => Promise<Uint8Array | undefined>,
): Promise<number> {
  if (lines <= 0) return size
  let found = 0
  // Where the record begins that was met last; behind the file there is none.
  let later = size
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - TAIL_BLOCK_BYTES)
    // With the beginning of the record after the block: it may be the end of a head that begins in the block.
    const block = await read(from, Math.min(size, end + HEAD_BYTES_MAX))
    if (!block) return size
    for (let at = end - from - 1; at >= -1; at--) {
      // Each newline ends a record, and another begins behind it; so does one at the file's beginning.
      at = at < 0 ? -1 : block.lastIndexOf(NEWLINE, at)
      if (at < 0 && from > 0) break
      const start = from + at + 1
      if (start >= later) continue
      if (later < size && !isPartial(block, at + 1)) {
        found++
        if (found === lines) return later
      }
      later = start
    }
    end = from
  }
  return 0
}

const TAIL_BLOCK_BYTES = 64 * 1024
/** `2026-01-02T03:04:05.678901234Z stdout P `, with room. */
const HEAD_BYTES_MAX = 64

/** Whether the record at `start` is a part of a line that goes on. */
function isPartial(block: Uint8Array, start: number): boolean {
  const { streamEnd } = headOf(block.subarray(start, start + HEAD_BYTES_MAX), 0)
  return streamEnd >= 0 && block[start + streamEnd + 1] === PARTIAL
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
