/**
 * WebSockets of the kubelet's server. Whatever a client sends, frames that break the protocol among it, ends its own connection
 * at most; what it does not read, and what is not read of it, waits within bounds.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

/** Bytes of one message; a longer one ends the connection with 1009. Source: golang.org/x/net/websocket, as Kubernetes has it. */
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024
/** Bytes on their way to the client; when it is more, whoever sends has to wait. */
const SENDING_BYTES_MAX = 1024 * 1024
/** Bytes of the client's messages that are not dealt with yet; when it is more, the client has to wait. */
const TAKING_BYTES_MAX = 1024 * 1024
/** What a message that waits costs beside its bytes: also many empty ones fill up. */
const MESSAGE_COST_BYTES = 64
/** Characters of a close frame's reason; the rest is cut off. The protocol has room for 123 bytes. */
const REASON_LENGTH_MAX = 120
/** How long the client may take to answer our last word, in ms; then the connection is cut. */
const CLOSE_MAX_MS = 10_000
/** While the client has to wait nothing is read, not even its end: that often a ping finds out whether it is still there, in ms. */
const WAITING_PING_MS = 5_000

type Listener = (message: Buffer) => Promise<void> | undefined

/** One client. Nothing of it is read before `listen`. */
export class StreamSocket {
  /** The subprotocol agreed upon; '' when the client asked for none. */
  readonly protocol: string
  /** Aborts when the client has gone, or has broken the protocol: it is told so, and nothing from it counts any more. */
  readonly gone: AbortSignal
  private readonly socket: WebSocket
  private readonly over: Promise<void>
  private readonly early: Buffer[] = []
  private listener: Listener | undefined
  private taking = 0
  private unsent = 0
  private allSent: (() => void) | undefined
  private pings: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, protocol: string) {
    this.socket = socket
    this.protocol = protocol
    const gone = new AbortController()
    this.gone = gone.signal
    this.over = new Promise((resolve) => gone.signal.addEventListener('abort', () => resolve()))
    const leave = () => {
      clearInterval(this.pings)
      gone.abort()
      this.allSent?.()
    }
    // The library has sent the code that says what was wrong (1002, 1007, 1008, 1009).
    socket.on('error', leave)
    socket.on('close', leave)
    socket.on('message', (message: Buffer) => this.take(message))
    this.pause()
  }

  /** Messages go to `listener`, in order. Those whose promise is open count as waiting. */
  listen(listener: Listener): void {
    this.listener = listener
    for (const message of this.early.splice(0)) this.take(message)
    if (this.taking <= TAKING_BYTES_MAX) this.resume()
  }

  /** undefined: there is room for more. Else a promise for the moment when there is, or when the client has gone. */
  send(message: Uint8Array | string): Promise<void> | undefined {
    const { socket } = this
    if (socket.readyState !== socket.OPEN) return this.over
    this.unsent++
    if (socket.bufferedAmount <= SENDING_BYTES_MAX) {
      socket.send(message, this.sent)
      return undefined
    }
    return new Promise((resolve) =>
      socket.send(message, () => {
        this.sent()
        resolve()
      }),
    )
  }

  /** Ends the connection once all that was sent before has left, however slowly the client reads. */
  async close(code = 1000, reason = ''): Promise<void> {
    const { socket } = this
    this.listener = () => undefined
    this.resume()
    if (this.unsent > 0)
      await new Promise<void>((resolve) => {
        this.allSent = resolve
      })
    socket.close(code, reason.slice(0, REASON_LENGTH_MAX))
  }

  private readonly sent = (): void => {
    this.unsent--
    if (this.unsent === 0) this.allSent?.()
  }

  private take(message: Buffer): void {
    if (this.gone.aborted) return
    if (!this.listener) {
      this.early.push(message)
      return
    }
    const dealtWith = this.listener(message)
    if (!dealtWith) return
    const cost = message.length + MESSAGE_COST_BYTES
    this.taking += cost
    if (this.taking > TAKING_BYTES_MAX) this.pause()
    const done = () => {
      this.taking -= cost
      if (this.taking <= TAKING_BYTES_MAX) this.resume()
    }
    dealtWith.then(done, done)
  }

  private pause(): void {
    const { socket } = this
    if (socket.isPaused) return
    socket.pause()
    this.pings = setInterval(() => {
      if (socket.bufferedAmount === 0) socket.ping()
    }, WAITING_PING_MS)
  }

  private resume(): void {
    if (!this.socket.isPaused) return
    clearInterval(this.pings)
    this.socket.resume()
  }
}

/** Accepts upgrades. The promise does not resolve when the request is no proper one: it has then been answered. */
export type Acceptor = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
) => Promise<StreamSocket>

/** The subprotocol is written here: the name of kubectl's tunnel holds a slash, which the library takes for an error. */
export function webSocketAcceptor(): Acceptor {
  const chosen = new WeakMap<IncomingMessage, string>()
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MESSAGE_BYTES_MAX,
    // Not in the library's types yet.
    ...{ closeTimeout: CLOSE_MAX_MS },
  })
  server.on('headers', (headers, request) => {
    const protocol = chosen.get(request)
    if (protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`)
  })
  return (request, socket, head, protocol) => {
    chosen.set(request, protocol)
    delete request.headers['sec-websocket-protocol']
    return new Promise((resolve) =>
      server.handleUpgrade(request, socket, head, (opened) => resolve(new StreamSocket(opened, protocol))),
    )
  }
}

/**
 * The first subprotocol that the client names and `known` has; '' when it names none and `known` has ''. undefined: none fits.
 * Source: Kubernetes' apimachinery, util/httpstream/wsstream.
 */
export function chooseProtocol(request: IncomingMessage, known: readonly string[]): string | undefined {
  const offered = request.headers['sec-websocket-protocol']
  if (offered === undefined) return known.find((name) => name === '')
  return offered
    .split(',')
    .map((text) => text.trim())
    .find((name) => known.includes(name))
}

/**
 * Messages that begin with a channel: a byte and bytes, or, in the base64 protocols, a digit and base64. Source: Kubernetes'
 * apimachinery, util/httpstream/wsstream.
 */
export interface ChannelCodec {
  encode(channel: number, bytes: Uint8Array): Uint8Array | string
  decode(message: Buffer): { readonly channel: number; readonly bytes: Buffer }
}

export function channelCodec(protocol: string): ChannelCodec {
  return /(^|\.)base64\./.test(protocol) ? BASE64 : BINARY
}

const BINARY: ChannelCodec = {
  encode(channel, bytes) {
    const message = Buffer.allocUnsafe(bytes.length + 1)
    message[0] = channel
    message.set(bytes, 1)
    return message
  },
  decode: (message) => ({ channel: message[0] ?? -1, bytes: message.subarray(1) }),
}

const BASE64: ChannelCodec = {
  encode: (channel, bytes) => channel + Buffer.from(bytes).toString('base64'),
  decode(message) {
    const text = message.toString('latin1', 1)
    // What is no base64 is dropped whole.
    const bytes = /^[\d+/A-Za-z]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
    return { channel: (message[0] ?? 0) - 48, bytes }
  },
}
