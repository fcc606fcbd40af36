/**
 * As much of SPDY/3.1 as port forwarding needs: streams opened by the client, data both ways, half-close, ping. The framing is
 * that of draft-mbelshe-httpbis-spdy-00; there is no flow control, as in the implementation that Kubernetes' clients use: who
 * sends faster than one of its streams is read waits with all of them.
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
const HEAD_BYTES = 8

/** Status codes of RST_STREAM. */
const PROTOCOL_ERROR = 1
const REFUSED_STREAM = 3
const CANCEL = 5

/** Bytes of payload in one of our data frames. */
const DATA_BYTES_MAX = 16 * 1024
/** Bytes of a control frame's payload; more ends the connection. Data frames are passed on as they come, whatever their length. */
const CONTROL_BYTES_MAX = 64 * 1024
/** Bytes of a header block, unpacked; more ends the connection before it is unpacked. Kubernetes' clients need 100. */
const HEADER_BYTES_MAX = 64 * 1024
/** Streams open at a time on one connection, two for each forwarded one; more are refused. */
const STREAMS_MAX = 4096

/** undefined: there is room for more. Else resolves when there is. */
type Room = Promise<void> | undefined

/** One stream: what the client said at its opening, and both directions. */
export interface SpdyStream {
  readonly id: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Called for data, and once with undefined for the client's end. Data that finds none set waits, and with it the connection. */
  onData: ((bytes: Uint8Array | undefined) => Room) | undefined
  /** Called when the client lets go of both directions, or has gone. */
  onReset: (() => void) | undefined
  write(bytes: Uint8Array): Room
  /** Our end; the client may go on. */
  end(): void
  reset(): void
}

export interface SpdySeams {
  /** Sends bytes of the connection. */
  send(bytes: Uint8Array): Room
  opened(stream: SpdyStream): void
  /** The peer says goodbye, or, with a reason, has broken the rules. Called once. */
  closed(broken?: string): void
}

/** The server's side of one connection. */
export class SpdyConnection {
  private readonly seams: SpdySeams
  private readonly streams = new Map<number, Stream>()
  private readonly inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY })
  private readonly deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  private readonly head = Buffer.alloc(HEAD_BYTES)
  private headBytes = 0
  /** Of the present frame: what is still to come; of a control frame what has come. */
  private left = 0
  private control: Buffer | undefined
  private isOver = false
  /** One piece after the other. */
  private last: Promise<void> = Promise.resolve()

  constructor(seams: SpdySeams) {
    this.seams = seams
    this.inflate.on('error', (error) => this.over(error.message))
    this.deflate.on('error', (error) => this.over(error.message))
  }

  /** Takes bytes of the connection in whatever pieces they come; resolves when they are dealt with. */
  receive(bytes: Uint8Array): Promise<void> {
    this.last = this.last.then(() => this.take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))
    return this.last
  }

  close(): void {
    this.isOver = true
    for (const stream of [...this.streams.values()]) stream.cut()
    this.inflate.destroy()
    this.deflate.destroy()
  }

  /** Never rejects: what is wrong ends the connection. */
  private async take(bytes: Buffer): Promise<void> {
    try {
      for (let at = 0; at < bytes.length && !this.isOver; ) {
        const used = Math.min(bytes.length - at, this.headBytes < HEAD_BYTES ? HEAD_BYTES - this.headBytes : this.left)
        await this.piece(bytes.subarray(at, at + used))
        at += used
      }
    } catch (error) {
      this.over((error as Error).message)
    }
  }

  /** A piece of a frame's head, or of its payload. */
  private async piece(bytes: Buffer): Promise<void> {
    if (this.headBytes < HEAD_BYTES) {
      bytes.copy(this.head, this.headBytes)
      this.headBytes += bytes.length
      if (this.headBytes < HEAD_BYTES) return
      this.left = this.head.readUIntBE(5, 3)
      this.control = undefined
      if (this.isControl && this.left > CONTROL_BYTES_MAX) throw new Error(`a control frame of ${this.left} bytes`)
    } else {
      if (this.isControl) {
        this.control ??= Buffer.allocUnsafe(this.left)
        bytes.copy(this.control, this.control.length - this.left)
      } else await this.streams.get(this.id)?.take(bytes)
      this.left -= bytes.length
    }
    if (this.left > 0) return
    this.headBytes = 0
    if (this.isControl) await this.controlFrame(this.control ?? Buffer.alloc(0))
    else if (this.flags & FIN) this.streams.get(this.id)?.takeEnd()
  }

  private get isControl(): boolean {
    return ((this.head[0] ?? 0) & 0x80) !== 0
  }

  private get id(): number {
    return this.head.readUInt32BE(0)
  }

  private get flags(): number {
    return this.head[4] ?? 0
  }

  private async controlFrame(payload: Buffer): Promise<void> {
    if (this.head.readUInt16BE(0) !== VERSION_BITS) throw new Error('a frame of another version of SPDY')
    switch (this.head.readUInt16BE(2)) {
      case SYN_STREAM:
        return this.syn(payload)
      case RST_STREAM:
        return this.streams.get(payload.readUInt32BE(0))?.cut()
      case PING:
        // Ours would be even; the client's is answered as it is.
        if (payload.length !== 4) throw new Error(`a ping of ${payload.length} bytes`)
        return this.seams.send(control(PING, payload))
      case GOAWAY:
        return this.over()
      default:
        // SETTINGS, HEADERS, WINDOW_UPDATE: nothing follows from them here.
        return
    }
  }

  private async syn(payload: Buffer): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff
    const { flags } = this
    // Also those of a stream that is refused: all header blocks are packed as one.
    const headers = readHeaders(await this.unpack(payload.subarray(10)))
    if (this.isOver) return
    if (id % 2 === 0 || this.streams.has(id)) return this.seams.send(resetFrame(id, PROTOCOL_ERROR))
    if (this.streams.size >= STREAMS_MAX) return this.seams.send(resetFrame(id, REFUSED_STREAM))
    const stream = new Stream(id, headers, (bytes) => this.seams.send(bytes))
    stream.closed = () => this.streams.delete(id)
    this.streams.set(id, stream)
    await this.seams.send(control(SYN_REPLY, Buffer.concat([uint32(id), await this.pack(uint32(0))])))
    this.seams.opened(stream)
    if (flags & FIN) stream.takeEnd()
  }

  private unpack(block: Buffer): Promise<Buffer> {
    const { inflate } = this
    return collected(inflate, HEADER_BYTES_MAX, (done) => inflate.write(block, done))
  }

  private pack(block: Buffer): Promise<Buffer> {
    const { deflate } = this
    return collected(deflate, HEADER_BYTES_MAX, (done) => {
      deflate.write(block)
      deflate.flush(constants.Z_SYNC_FLUSH, done)
    })
  }

  private over(broken?: string): void {
    if (this.isOver) return
    this.isOver = true
    this.seams.closed(broken)
  }
}

class Stream implements SpdyStream {
  readonly id: number
  readonly headers: Readonly<Record<string, string>>
  onReset: (() => void) | undefined
  /** Called when both ends are over. */
  closed: () => void = () => {}
  private readonly send: (bytes: Uint8Array) => Room
  private listener: SpdyStream['onData']
  private heard: (() => void) | undefined
  private theirEnd = false
  private ourEnd = false
  private endWaits = false

  constructor(id: number, headers: Readonly<Record<string, string>>, send: (bytes: Uint8Array) => Room) {
    this.id = id
    this.headers = headers
    this.send = send
  }

  get onData() {
    return this.listener
  }

  set onData(listener) {
    this.listener = listener
    this.heard?.()
    if (this.endWaits) void listener?.(undefined)
    this.endWaits = false
  }

  /** Data of the client. */
  async take(bytes: Uint8Array): Promise<void> {
    if (!this.listener && !this.theirEnd)
      await new Promise<void>((resolve) => {
        this.heard = resolve
      })
    if (!this.theirEnd) await this.listener?.(bytes)
  }

  /** The client's end. */
  takeEnd(): void {
    if (this.theirEnd) return
    this.endTheirs()
    if (this.listener) void this.listener(undefined)
    else this.endWaits = true
  }

  /** The client lets go of both directions. */
  cut(): void {
    this.ourEnd = true
    this.endTheirs()
    this.heard?.()
    this.onReset?.()
  }

  write(bytes: Uint8Array): Room {
    let room: Room
    for (let at = 0; at < bytes.length && !this.ourEnd; at += DATA_BYTES_MAX)
      room = this.send(dataFrame(this.id, bytes.subarray(at, at + DATA_BYTES_MAX), 0))
    return room
  }

  end(): void {
    if (this.ourEnd) return
    this.ourEnd = true
    void this.send(dataFrame(this.id, new Uint8Array(0), FIN))
    if (this.theirEnd) this.closed()
  }

  reset(): void {
    if (this.ourEnd && this.theirEnd) return
    this.ourEnd = true
    void this.send(resetFrame(this.id, CANCEL))
    this.endTheirs()
    this.heard?.()
  }

  private endTheirs(): void {
    this.theirEnd = true
    if (this.ourEnd) this.closed()
  }
}

/** What `stream` makes of what is written. Rejects when it is more than `bytesMax`, or the stream breaks; it is of no use then. */
function collected(stream: Inflate | Deflate, bytesMax: number, write: (done: () => void) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    const take = (part: Buffer) => {
      parts.push(part)
      bytes += part.length
      if (bytes > bytesMax) stream.destroy(new Error(`a header block of more than ${bytesMax} bytes`))
    }
    const broken = () => reject(new Error('the connection is over'))
    stream.on('data', take)
    stream.once('close', broken)
    write(() => {
      stream.off('data', take)
      stream.off('close', broken)
      resolve(Buffer.concat(parts))
    })
  })
}

/** Pairs of length-prefixed names and values, after their count. Throws a RangeError when lengths lead out of the block. */
function readHeaders(block: Buffer): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  let at = 4
  const text = () => {
    const length = block.readUInt32BE(at)
    if (at + 4 + length > block.length) throw new RangeError('a header that is longer than its block')
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

const resetFrame = (id: number, code: number) => control(RST_STREAM, Buffer.concat([uint32(id), uint32(code)]))

function control(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt16BE(VERSION_BITS, 0)
  head.writeUInt16BE(type, 2)
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}

function dataFrame(id: number, payload: Uint8Array, flags: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(id, 0)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}
