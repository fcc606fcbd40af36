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

/** Turns CRI records into output. Holds at most one unfinished record. */
export class LogReader {
  private readonly options: LogOptions
  private rest = new Uint8Array(0)
  private leftBytes: number
  /** The next record continues a line: it gets no timestamp of its own. */
  private continues = false
  private readonly sinceText: string

  constructor(options: LogOptions) {
    this.options = options
    this.leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY
    this.sinceText = options.sinceMs === undefined ? '' : rfc3339(options.sinceMs)
  }

  /** Whether limitBytes is used up. */
  get isFull(): boolean {
    return this.leftBytes <= 0
  }

  /** What the client gets for these bytes of the file. */
  push(bytes: Uint8Array): Uint8Array {
    const all = this.rest.length > 0 ? concat([this.rest, bytes]) : bytes
    const out: Uint8Array[] = []
    let from = 0
    for (let at = all.indexOf(NEWLINE); at >= 0 && !this.isFull; at = all.indexOf(NEWLINE, from)) {
      this.record(all.subarray(from, at + 1), out)
      from = at + 1
    }
    this.rest = all.slice(from)
    return concat(out)
  }

  /** One record with its newline. Records that are not in the format are passed on as they are. */
  private record(record: Uint8Array, out: Uint8Array[]): void {
    const timeEnd = record.indexOf(SPACE)
    const streamEnd = record.indexOf(SPACE, timeEnd + 1)
    const tagEnd = record.indexOf(SPACE, streamEnd + 1)
    if (timeEnd < 0 || streamEnd < 0 || tagEnd < 0) {
      this.give(record, out)
      return
    }
    const { stream, timestamps } = this.options
    const isOut = record[timeEnd + 4] === 111 // the o of stdout
    if (stream && (stream === 'Stdout') !== isOut) return
    if (this.sinceText && latin(record.subarray(0, this.sinceText.length - 1)) < this.sinceText.slice(0, -1)) return
    const isPartial = record[streamEnd + 1] === PARTIAL
    const text = record.subarray(tagEnd + 1, isPartial ? record.length - 1 : record.length)
    if (timestamps && !this.continues) this.give(record.subarray(0, timeEnd + 1), out)
    this.continues = isPartial
    this.give(text, out)
  }

  private give(bytes: Uint8Array, out: Uint8Array[]): void {
    const taken = bytes.subarray(0, Math.max(0, Math.min(bytes.length, this.leftBytes)))
    this.leftBytes -= taken.length
    if (taken.length > 0) out.push(taken)
  }
}

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/**
 * Where the last `lines` lines of a file begin. Reads backwards in blocks; a line made of partial records counts once.
 * `read(from, to)` gives bytes of the file.
 */
export async function tailStart(
  size: number,
  lines: number,
  read: (from: number, to: number) => Promise<Uint8Array>,
): Promise<number> {
  if (lines <= 0) return size
  const starts: number[] = []
  let block = new Uint8Array(0)
  let blockStart = size
  while (blockStart > 0) {
    const from = Math.max(0, blockStart - TAIL_BLOCK_BYTES)
    block = concat([await read(from, blockStart), block])
    blockStart = from
    starts.length = 0
    for (let at = 0; at < block.length; ) {
      const isStart = at > 0 || blockStart === 0 || block.length === 0
      const next = block.indexOf(NEWLINE, at)
      const end = next < 0 ? block.length : next + 1
      if (isStart && !continuesBefore(block, at)) starts.push(blockStart + at)
      at = end
    }
    if (starts.length > lines) break
  }
  return starts.length <= lines ? 0 : (starts[starts.length - lines] ?? 0)
}

const TAIL_BLOCK_BYTES = 64 * 1024

/** Whether the record that ends before `at` is a part of a line that goes on. */
function continuesBefore(block: Uint8Array, at: number): boolean {
  if (at === 0) return false
  const start = block.lastIndexOf(NEWLINE, at - 2) + 1
  const timeEnd = block.indexOf(SPACE, start)
  const streamEnd = timeEnd < 0 ? -1 : block.indexOf(SPACE, timeEnd + 1)
  return streamEnd >= 0 && streamEnd < at && block[streamEnd + 1] === PARTIAL
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
