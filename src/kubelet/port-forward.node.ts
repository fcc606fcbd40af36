/**
 * Port forwarding into a pod, in the two ways that clients have of it over WebSocket:
 *   SPDY/3.1+portforward.k8s.io   kubectl >= 1.31 (KEP-4006): SPDY frames inside binary messages; for each connection an error
 *                                 stream and a data stream with one requestID
 *   v4.channel.k8s.io             other clients: ports in the query, two channels each, which begin with the port as uint16 LE
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { dialPod, type PodAddress } from './dial-pod.node.ts'
import { SpdyConnection, type SpdyStream } from './spdy.node.ts'

export const FORWARD_PROTOCOLS = ['SPDY/3.1+portforward.k8s.io', 'v4.channel.k8s.io'] as const

const BUFFERED_BYTES_MAX = 1024 * 1024

export interface ForwardTarget extends PodAddress {
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
  const connections = new Set<Duplex>()
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
      void joinStream({ stream, error, target, socket, connections })
    },
  })
  socket.on('message', (data: Buffer) => connection.receive(data))
  socket.on('close', () => {
    for (const open of connections) open.destroy()
    connection.close()
  })
}

interface Join {
  readonly stream: SpdyStream
  readonly error: SpdyStream | undefined
  readonly target: ForwardTarget
  readonly socket: WebSocket
  readonly connections: Set<Duplex>
}

/** One connection for a data stream; what goes wrong is said on the error stream. */
async function joinStream({ stream, error, target, socket, connections }: Join): Promise<void> {
  const port = Number(stream.headers.port)
  const fail = (cause: Error) => {
    error?.write(Buffer.from(whyFailed(port, target, cause)))
    stream.reset()
    error?.end()
  }
  let inside: Duplex
  try {
    inside = await dialPod(target, port)
  } catch (cause) {
    fail(cause as Error)
    return
  }
  if (socket.readyState !== socket.OPEN) {
    inside.destroy()
    return
  }
  connections.add(inside)
  inside.on('data', (bytes: Buffer) => {
    stream.write(bytes)
    pauseWhileFull(inside, socket)
  })
  inside.on('error', fail)
  inside.on('end', () => stream.end())
  inside.on('close', () => {
    connections.delete(inside)
    stream.end()
    error?.end()
  })
  stream.onData = (bytes) => {
    if (bytes === undefined) inside.end()
    else inside.write(bytes)
  }
}

/** A client that reads slowly slows the pod's program down, instead of filling our memory. */
function pauseWhileFull(inside: Duplex, socket: WebSocket): void {
  if (socket.bufferedAmount <= BUFFERED_BYTES_MAX) return
  inside.pause()
  socket.ping(undefined, undefined, () => inside.resume())
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
  const connections = new Map<number, Promise<Duplex>>()
  let left = ports.length
  ports.forEach((port, index) => {
    const [data, error] = [index * 2, index * 2 + 1]
    const head = Buffer.alloc(2)
    head.writeUInt16LE(port)
    send(data, head)
    send(error, head)
    const over = (cause?: Error) => {
      if (cause) send(error, Buffer.from(whyFailed(port, target, cause)))
      if (--left === 0) socket.close(1000)
    }
    const dialled = dialPod(target, port)
    connections.set(data, dialled)
    dialled.then((inside) => {
      inside.on('data', (bytes: Buffer) => {
        send(data, bytes)
        pauseWhileFull(inside, socket)
      })
      inside.on('error', (cause) => send(error, Buffer.from(whyFailed(port, target, cause))))
      inside.on('close', () => over())
    }, over)
  })
  socket.on('message', (message: Buffer) => {
    void connections
      .get(message[0] ?? 0)
      ?.then((inside) => inside.write(message.subarray(1)))
      .catch(() => {})
  })
  socket.on('close', () => {
    for (const dialled of connections.values()) void dialled.then((inside) => inside.destroy()).catch(() => {})
  })
}
