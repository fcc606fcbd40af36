/**
 * Port forwarding into a pod, in the two ways that clients have of it over WebSocket:
 *   SPDY/3.1+portforward.k8s.io   kubectl >= 1.31 (KEP-4006): SPDY frames inside binary messages; for each connection an error
 *                                 stream and a data stream with one requestID
 *   v4.channel.k8s.io             other clients: ports in the query, two channels each, which begin with the port as uint16 LE
 */
import { createConnection, type Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { SpdyConnection, type SpdyStream } from './spdy.node.ts'

export const FORWARD_PROTOCOLS = ['SPDY/3.1+portforward.k8s.io', 'v4.channel.k8s.io'] as const

const BUFFERED_BYTES_MAX = 1024 * 1024

export interface ForwardTarget {
  readonly podIP: string
  /** `pod default/web-1`, for messages. */
  readonly pod: string
  /** One of FORWARD_PROTOCOLS. */
  readonly protocol: string
}

/** Serves one connection of a client until it is closed. */
export function runPortForward(socket: WebSocket, target: ForwardTarget, query: URLSearchParams): void {
  if (target.protocol === FORWARD_PROTOCOLS[0]) forwardSpdy(socket, target)
  else forwardChannels(socket, target, query)
}

const whyFailed = (port: number, { pod }: ForwardTarget, error: NodeJS.ErrnoException) => {
  const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message
  return `error forwarding port ${port} to ${pod}: failed to connect to localhost:${port} inside the pod: dial tcp: ${why}`
}

// ---- SPDY

function forwardSpdy(socket: WebSocket, target: ForwardTarget): void {
  const sockets = new Set<Socket>()
  const errors = new Map<string, SpdyStream>()
  const connection = new SpdyConnection({
    send: (bytes) => {
      if (socket.readyState === socket.OPEN) socket.send(bytes)
    },
    closed: () => socket.close(1000),
    opened: (stream) => {
      const request = stream.headers.requestid ?? ''
      if (stream.headers.streamtype === 'error') {
        errors.set(request, stream)
        stream.onData = () => {}
        return
      }
      const error = errors.get(request)
      errors.delete(request)
      const tcp = joinStream(stream, error, { target, socket })
      sockets.add(tcp)
      tcp.once('close', () => sockets.delete(tcp))
    },
  })
  socket.on('message', (data: Buffer) => connection.receive(data))
  socket.on('close', () => {
    for (const tcp of sockets) tcp.destroy()
    connection.close()
  })
}

/** One TCP connection for a data stream; what goes wrong is said on the error stream. */
function joinStream(
  stream: SpdyStream,
  error: SpdyStream | undefined,
  { target, socket }: { target: ForwardTarget; socket: WebSocket },
): Socket {
  const port = Number(stream.headers.port)
  const tcp = createConnection({ host: target.podIP, port, allowHalfOpen: true })
  let failed = false
  stream.onData = (bytes) => {
    if (bytes === undefined) tcp.end()
    else tcp.write(bytes)
  }
  tcp.on('data', (bytes: Buffer) => {
    stream.write(bytes)
    pauseWhileFull(tcp, socket)
  })
  tcp.on('error', (cause: NodeJS.ErrnoException) => {
    failed = true
    error?.write(Buffer.from(whyFailed(port, target, cause)))
  })
  tcp.on('end', () => stream.end())
  tcp.on('close', () => {
    if (failed) stream.reset()
    else stream.end()
    error?.end()
  })
  return tcp
}

/** A client that reads slowly slows the pod's program down, instead of filling our memory. */
function pauseWhileFull(tcp: Socket, socket: WebSocket): void {
  if (socket.bufferedAmount <= BUFFERED_BYTES_MAX) return
  tcp.pause()
  socket.ping(undefined, undefined, () => tcp.resume())
}

// ---- channels

function forwardChannels(socket: WebSocket, target: ForwardTarget, query: URLSearchParams): void {
  const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number))
  if (ports.length === 0 || ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65535)) {
    socket.close(1002, 'query parameter "ports" must be a list of ports')
    return
  }
  const send = (channel: number, bytes: Uint8Array) => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([channel]), bytes]))
  }
  const connections = ports.map((port, index) => {
    const [data, error] = [index * 2, index * 2 + 1]
    const head = Buffer.alloc(2)
    head.writeUInt16LE(port)
    send(data, head)
    send(error, head)
    const tcp = createConnection({ host: target.podIP, port })
    tcp.on('data', (bytes: Buffer) => {
      send(data, bytes)
      pauseWhileFull(tcp, socket)
    })
    tcp.on('error', (cause) => send(error, Buffer.from(whyFailed(port, target, cause))))
    tcp.on('close', () => {
      if (connections.every((other) => other.destroyed)) socket.close(1000)
    })
    return tcp
  })
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? 0
    if (channel % 2 === 0) connections[channel / 2]?.write(message.subarray(1))
  })
  socket.on('close', () => {
    for (const tcp of connections) tcp.destroy()
  })
}
