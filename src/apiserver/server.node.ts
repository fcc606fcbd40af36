/** The sockets of the API server: HTTPS with HTTP/1.1 and HTTP/2 on a port, plain HTTP and raw TLS on Unix sockets for local nodes. */
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createNetServer } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { ApiHandler, UserInfo } from '../wire/exchange.ts'
import { type KubeletDialer, tunnelToKubelet } from './kubelet-tunnel.node.ts'
import { apiRequest } from './request.node.ts'
import { writeResponse } from './write-response.node.ts'

/** How long open requests may take to end when the server closes, in ms; then their sockets are destroyed. */
const CLOSE_GRACE_MS = 1000

export interface ServerOptions {
  readonly handle: ApiHandler
  readonly tls: { readonly key: string; readonly cert: string; readonly ca?: string }
  /** 0: any free port. */
  readonly port: number
  readonly host?: string
  /** Path of a Unix socket for plain HTTP with bearer tokens. */
  readonly plainSocket?: string
  /** Path of a Unix socket for the very TLS of the port: how pods reach the API. */
  readonly tlsSocket?: string
  readonly dialKubelet: KubeletDialer
  fault(error: unknown): void
}

export interface RunningServer {
  readonly port: number
  close(): Promise<void>
}

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

/** Listens on all that is asked for. Rejects with the system's error (EADDRINUSE, EACCES) when it cannot. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  const onRequest = (request: AnyRequest, response: AnyResponse) => void serve(options, request, response)
  const secure = createSecureServer({
    ...options.tls,
    allowHTTP1: true,
    requestCert: options.tls.ca !== undefined,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: 250, initialWindowSize: 1024 * 1024 },
  })
  wire(secure as unknown as HttpServer, onRequest, options)
  track(secure as unknown as Server, 'secureConnection', sockets)
  servers.push(secure as unknown as Server)
  await listen(secure as unknown as Server, { port: options.port, host: options.host ?? '127.0.0.1' })
  if (options.plainSocket) {
    const plain = createHttpServer()
    wire(plain, onRequest, options)
    track(plain, 'connection', sockets)
    servers.push(plain)
    await listen(plain, { path: options.plainSocket })
  }
  if (options.tlsSocket) {
    // Whatever comes is handed to the TLS server as if it had come to its port.
    const raw = createNetServer((socket) => secure.emit('connection', socket))
    servers.push(raw)
    await listen(raw, { path: options.tlsSocket })
  }
  const { port } = secure.address() as AddressInfo
  return { port, close: () => close(servers, sockets) }
}

function wire(server: HttpServer, onRequest: (q: AnyRequest, s: AnyResponse) => void, options: ServerOptions): void {
  server.on('request', onRequest)
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    void upgrade(options, request, { socket, head })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  // Watches and logs stay silent for long: only the request itself has to come in time.
  server.timeout = 0
  server.keepAliveTimeout = 0
}

function track(server: Server, event: string, sockets: Set<Socket>): void {
  server.on(event, (socket: Socket) => {
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
}

function listen(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve()
    })
  })
}

async function close(servers: readonly Server[], sockets: ReadonlySet<Socket>): Promise<void> {
  const ended = Promise.all(
    servers.map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    ),
  )
  for (const server of servers) (server as Partial<HttpServer>).closeIdleConnections?.()
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, CLOSE_GRACE_MS)
  for (const socket of sockets) if (isIdle(socket)) socket.destroy()
  await ended
  clearTimeout(timer)
}

/** A keep-alive connection between requests. HTTP/2 sessions count as idle: their streams have been ended before. */
function isIdle(socket: Socket): boolean {
  return (socket as { _httpMessage?: unknown })._httpMessage == null
}

async function serve(options: ServerOptions, request: AnyRequest, response: AnyResponse): Promise<void> {
  try {
    const call = apiRequest(request, response, userOf(request.socket as TLSSocket))
    const answer = await options.handle(call)
    if (answer.body.type === 'kubelet') await tunnelToKubelet(options.dialKubelet, answer.body, { request, response })
    else await writeResponse(answer, request, response)
  } catch (error) {
    options.fault(error)
    request.socket.destroy()
  }
}

async function upgrade(
  options: ServerOptions,
  request: IncomingMessage,
  { socket, head }: { socket: Socket; head: Buffer },
): Promise<void> {
  try {
    const { answerUpgrade } = await import('./kubelet-tunnel.node.ts')
    await answerUpgrade(options, request, { socket, head, user: userOf(socket as TLSSocket) })
  } catch (error) {
    options.fault(error)
    socket.destroy()
  }
}

/** Whom a client certificate of the cluster's CA stands for: its common name, its organizations as groups. */
function userOf(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized || typeof socket.getPeerCertificate !== 'function') return undefined
  const known = users.get(socket)
  if (known) return known
  const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>
  if (!subject?.CN) return undefined
  const organizations: unknown = subject.O
  const groups = Array.isArray(organizations)
    ? (organizations as string[])
    : organizations
      ? [String(organizations)]
      : []
  const user = { name: Array.isArray(subject.CN) ? String(subject.CN[0]) : subject.CN, groups }
  users.set(socket, user)
  return user
}

/** A connection's certificate does not change: it is read once. */
const users = new WeakMap<Socket, UserInfo>()
