/**
 * As much of SPDY/3.1 as port forwarding needs: streams opened by the client, data both ways, half-close, ping. The framing is
 * that of draft-mbelshe-httpbis-spdy-00; there is no flow control, as in the implementation that Kubernetes' clients use.
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

const VERSION_BITS = 0x8003
const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GOAWAY = 7
const FIN = 1
/** Bytes of payload in one of our data frames. */
const DATA_BYTES_MAX = 16 * 1024
/** Bytes that a frame may announce; more is a broken stream. */
const FRAME_BYTES_MAX = 1024 * 1024

/** One stream: what the client said at its opening, and both directions. */
export interface SpdyStream {
  readonly id: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Called for data, and once with undefined for the client's end. Data before it is set is kept. */
  onData: ((bytes: Uint8Array | undefined) => void) | undefined
  write(bytes: Uint8Array): void
  /** Our end; the client may go on. */
  end(): void
  reset(): void
}

export interface SpdySeams {
  /** Sends bytes of the connection. */
  send(bytes: Uint8Array): void
  opened(stream: SpdyStream): void
  /** The peer broke the rules, or says goodbye. */
  closed(): void
}

/** The server's side of one connection. `receive` takes its bytes in whatever pieces they come. */
export class SpdyConnection {
  private readonly seams: SpdySeams
  private readonly streams = new Map<number, Stream>()
  private readonly inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY })
  private readonly deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  private rest: Buffer = Buffer.alloc(0)
  /** Frames are handled one after the other; header compression is asynchronous. */
  private last: Promise<void> = Promise.resolve()

  constructor(seams: SpdySeams) {
    this.seams = seams
    this.inflate.on('error', () => seams.closed())
    this.deflate.on('error', () => seams.closed())
  }

  receive(bytes: Uint8Array): void {
    this.rest = Buffer.concat([this.rest, bytes])
    while (this.rest.length >= 8) {
      const length = this.rest.readUIntBE(5, 3)
      if (length > FRAME_BYTES_MAX) {
        this.seams.closed()
        return
      }
      if (this.rest.length < 8 + length) return
      const frame = this.rest.subarray(0, 8 + length)
      this.rest = this.rest.subarray(8 + length)
      this.last = this.last.then(() => this.frame(frame)).catch(() => this.seams.closed())
    }
  }

  close(): void {
    for (const stream of this.streams.values()) stream.take(undefined)
    this.streams.clear()
    this.inflate.close()
    this.deflate.close()
  }

  private async frame(frame: Buffer): Promise<void> {
    const payload = frame.subarray(8)
    const flags = frame[4] ?? 0
    if (((frame[0] ?? 0) & 0x80) === 0) {
      this.data(frame.readUInt32BE(0), payload, flags)
      return
    }
    switch (frame.readUInt16BE(2)) {
      case SYN_STREAM:
        return this.syn(payload, flags)
      case RST_STREAM: {
        const id = payload.readUInt32BE(0)
        this.streams.get(id)?.take(undefined)
        this.streams.delete(id)
        return
      }
      case PING:
        // Ours would be even; the client's is answered as it is.
        this.seams.send(control(PING, 0, payload))
        return
      case GOAWAY:
        this.seams.closed()
        return
      default:
        // SETTINGS, HEADERS, WINDOW_UPDATE: nothing follows from them here.
        return
    }
  }

  private data(id: number, payload: Buffer, flags: number): void {
    const stream = this.streams.get(id)
    if (!stream) return
    if (payload.length > 0) stream.take(payload)
    if (flags & FIN) stream.take(undefined)
  }

  private async syn(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff
    const headers = readHeaders(await this.inflated(payload.subarray(10)))
    const stream = new Stream(id, headers, (bytes) => this.seams.send(bytes))
    this.streams.set(id, stream)
    const reply = Buffer.concat([uint32(id), await this.deflated(uint32(0))])
    this.seams.send(control(SYN_REPLY, 0, reply))
    if (flags & FIN) stream.take(undefined)
    this.seams.opened(stream)
  }

  private inflated(block: Buffer): Promise<Buffer> {
    return collect(this.inflate, (done) => this.inflate.write(block, done))
  }

  private deflated(block: Buffer): Promise<Buffer> {
    return collect(this.deflate, (done) => {
      this.deflate.write(block)
      this.deflate.flush(constants.Z_SYNC_FLUSH, done)
    })
  }
}

class Stream implements SpdyStream {
  readonly id: number
  readonly headers: Readonly<Record<string, string>>
  private readonly send: (bytes: Uint8Array) => void
  private readonly early: (Uint8Array | undefined)[] = []
  private listener: ((bytes: Uint8Array | undefined) => void) | undefined
  private theirEnd = false
  private ourEnd = false

  constructor(id: number, headers: Readonly<Record<string, string>>, send: (bytes: Uint8Array) => void) {
    this.id = id
    this.headers = headers
    this.send = send
  }

  get onData() {
    return this.listener
  }

  set onData(listener) {
    this.listener = listener
    if (listener) for (const bytes of this.early.splice(0)) listener(bytes)
  }

  take(bytes: Uint8Array | undefined): void {
    if (this.theirEnd) return
    if (bytes === undefined) this.theirEnd = true
    if (this.listener) this.listener(bytes)
    else this.early.push(bytes && Buffer.from(bytes))
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.ourEnd; at += DATA_BYTES_MAX)
      this.send(dataFrame(this.id, bytes.subarray(at, at + DATA_BYTES_MAX), 0))
  }

  end(): void {
    if (this.ourEnd) return
    this.ourEnd = true
    this.send(dataFrame(this.id, new Uint8Array(0), FIN))
  }

  reset(): void {
    this.ourEnd = true
    this.send(control(RST_STREAM, 0, Buffer.concat([uint32(this.id), uint32(5)])))
  }
}

function collect(stream: Inflate | Deflate, write: (done: () => void) => void): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    const take = (part: Buffer) => void parts.push(part)
    stream.on('data', take)
    write(() => {
      stream.off('data', take)
      resolve(Buffer.concat(parts))
    })
  })
}

/** Pairs of length-prefixed names and values, after their count. */
function readHeaders(block: Buffer): Record<string, string> {
  const headers: Record<string, string> = {}
  let at = 4
  const text = () => {
    const length = block.readUInt32BE(at)
    const value = block.toString('utf8', at + 4, at + 4 + length)
    at += 4 + length
    return value
  }
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = text().toLowerCase()
    headers[name] = text()
  }
  return headers
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function control(type: number, flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(VERSION_BITS, 0)
  head.writeUInt16BE(type, 2)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}

function dataFrame(id: number, payload: Uint8Array, flags: number): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(id, 0)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}
