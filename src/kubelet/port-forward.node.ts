/**
 * Port forwarding into a pod, in the two ways that clients have of it over WebSocket:
 *   SPDY/3.1+portforward.k8s.io   kubectl >= 1.31 (KEP-4006): SPDY frames inside binary messages; for each connection an error
 *                                 stream and a data stream with one requestID
 *   v4.channel.k8s.io             other clients (also v4.base64.channel.k8s.io, and without a name): ports in the query, two
 *                                 channels each, which begin with the port as uint16 LE
 * Both ways wait: a pod's program for a client that does not read, a client for a program that does not.
 */
import type { Duplex } from 'node:stream'
import { dialPod, type PodAddress } from './dial-pod.node.ts'
import { SpdyConnection, type SpdyStream } from './spdy.node.ts'
import { channelCodec, type StreamSocket } from './websocket.node.ts'

const TUNNEL = 'SPDY/3.1+portforward.k8s.io'

export const FORWARD_PROTOCOLS = ['', TUNNEL, 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const

/** Error streams that may wait for their data stream; one more ends the connection. */
const UNPAIRED_MAX = 1024

export interface ForwardTarget extends PodAddress {
  /** `pod default/web-1`, for messages. */
  readonly pod: string
}

/** Serves one connection of a client until it is closed. `ports` are those of the query: see `forwardedPorts`. */
export function runPortForward(socket: StreamSocket, target: ForwardTarget, ports: readonly number[]): void {
  if (socket.protocol === TUNNEL) forwardSpdy(socket, target)
  else forwardChannels(socket, target, ports)
}

/** The ports that a query names; undefined when one of them is none. */
export function forwardedPorts(query: URLSearchParams): readonly number[] | undefined {
  const ports = [...query.getAll('port'), ...query.getAll('ports')].flatMap((text) => text.split(',')).map(portOf)
  return ports.includes(undefined) ? undefined : (ports as number[])
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}

const whyFailed = (port: number, { pod }: ForwardTarget, error: NodeJS.ErrnoException) => {
  const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message
  return `error forwarding port ${port} to ${pod}: failed to connect to localhost:${port} inside the pod: dial tcp: ${why}`
}

/** Passes on what comes out of the pod, as fast as it is taken. */
function readOut(inside: Duplex, send: (bytes: Uint8Array) => Promise<void> | undefined): void {
  inside.on('data', (bytes: Buffer) => {
    const room = send(bytes)
    if (!room) return
    inside.pause()
    void room.then(() => inside.resume())
  })
}

/** Passes on what goes into the pod; the promise resolves when more may come. */
function writerInto(inside: Duplex): (bytes: Uint8Array) => Promise<void> | undefined {
  let room: Promise<void> | undefined
  let wake = () => {}
  const roomAgain = () => {
    room = undefined
    wake()
  }
  inside.on('drain', roomAgain)
  inside.on('close', roomAgain)
  return (bytes) => {
    if (inside.destroyed || inside.writableEnded || inside.write(bytes)) return undefined
    room ??= new Promise((resolve) => {
      wake = resolve
    })
    return room
  }
}

// ---- SPDY

function forwardSpdy(socket: StreamSocket, target: ForwardTarget): void {
  const errors = new Map<string, SpdyStream>()
  const broken = (why: string) => void socket.close(1002, why)
  const connection = new SpdyConnection({
    send: (bytes) => socket.send(bytes),
    closed: (why) => void (why === undefined ? socket.close() : broken(why)),
    opened: (stream) => {
      const { requestid = '', streamtype } = stream.headers
      if (streamtype === 'error') {
        errors.set(requestid, stream)
        stream.onData = () => undefined
        stream.onReset = () => errors.delete(requestid)
        if (errors.size > UNPAIRED_MAX) broken('error streams without data streams')
        return
      }
      const port = portOf(stream.headers.port ?? '')
      if (streamtype !== 'data' || port === undefined) {
        stream.reset()
        return
      }
      const error = errors.get(requestid)
      errors.delete(requestid)
      void joinStream({ stream, error, target, port })
    },
  })
  socket.gone.addEventListener('abort', () => connection.close())
  socket.listen((message) => connection.receive(message))
}

interface Join {
  readonly stream: SpdyStream
  readonly error: SpdyStream | undefined
  readonly target: ForwardTarget
  readonly port: number
}

/** One connection for a data stream; what goes wrong is said on the error stream. */
async function joinStream({ stream, error, target, port }: Join): Promise<void> {
  const fail = (cause: Error) => {
    void error?.write(Buffer.from(whyFailed(port, target, cause)))
    stream.reset()
    error?.end()
  }
  let isCut = false
  stream.onReset = () => {
    isCut = true
  }
  let inside: Duplex
  try {
    inside = await dialPod(target, port)
  } catch (cause) {
    fail(cause as Error)
    return
  }
  stream.onReset = () => inside.destroy()
  inside.on('error', fail)
  inside.on('end', () => stream.end())
  inside.on('close', () => {
    stream.end()
    error?.end()
  })
  if (isCut) {
    inside.destroy()
    return
  }
  readOut(inside, (bytes) => stream.write(bytes))
  const write = writerInto(inside)
  stream.onData = (bytes) => {
    if (bytes) return write(bytes)
    inside.end()
    return undefined
  }
}

// ---- channels

function forwardChannels(socket: StreamSocket, target: ForwardTarget, ports: readonly number[]): void {
  const codec = channelCodec(socket.protocol)
  const send = (channel: number, bytes: Uint8Array) => socket.send(codec.encode(channel, bytes))
  let left = ports.length
  const connections = ports.map(async (port, index) => {
    const [data, error] = [index * 2, index * 2 + 1]
    const head = Buffer.alloc(2)
    head.writeUInt16LE(port)
    void send(data, head)
    void send(error, head)
    const fail = (cause: Error) => void send(error, Buffer.from(whyFailed(port, target, cause)))
    const over = () => {
      if (--left === 0) void socket.close()
    }
    try {
      const inside = await dialPod(target, port)
      inside.on('error', fail)
      inside.on('close', over)
      readOut(inside, (bytes) => send(data, bytes))
      return { inside, write: writerInto(inside) }
    } catch (cause) {
      fail(cause as Error)
      over()
      return undefined
    }
  })
  socket.gone.addEventListener('abort', () => {
    for (const dialled of connections) void dialled.then((opened) => opened?.inside.destroy())
  })
  socket.listen(async (message) => {
    const { channel, bytes } = codec.decode(message)
    const opened = channel % 2 === 0 ? await connections[channel / 2] : undefined
    if (bytes.length > 0) await opened?.write(bytes)
  })
}
