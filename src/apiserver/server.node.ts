/** The sockets of the API server: HTTPS with HTTP/1.1 and HTTP/2 on a port, plain HTTP and raw TLS on Unix sockets for local nodes. */
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createNetServer } from 'node:net'
import type { ApiHandler } from '../wire/exchange.ts'
import { certificateUser } from './authn/client-certificate.node.ts'
import { answerUpgrade, type KubeletDialer, tunnelToKubelet } from './kubelet-tunnel.node.ts'
import { apiRequest } from './request.node.ts'
import { writeResponse } from './write-response.node.ts'

/** How long open requests may take to end when the server closes, in ms; then their sockets are destroyed. */
const CLOSE_GRACE_MS = 1000

/** Silence after which the kernel asks whether the other side is still there, in ms. */
const KEEP_ALIVE_PROBE_MS = 30_000

/** Requests and watches at once on one HTTP/2 connection, and what may be under way to the server in each, in bytes. */
const STREAMS_MAX = 250
const STREAM_WINDOW_BYTES = 1024 * 1024

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

/** What is open: for closing it all. */
class Connections {
  readonly servers: Server[] = []
  readonly sockets = new Set<Socket>()
  readonly sessions = new Set<ServerHttp2Session>()
  closing = false

  track(socket: Socket): void {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }

  /** Lets open requests end, but not for long. */
  async close(): Promise<void> {
    this.closing = true
    const ended = Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))))
    for (const session of this.sessions) session.close()
    for (const socket of this.sockets) if (isIdle(socket)) socket.destroy()
    const timer = setTimeout(() => {
      for (const session of this.sessions) session.destroy()
      for (const socket of this.sockets) socket.destroy()
    }, CLOSE_GRACE_MS)
    await ended
    clearTimeout(timer)
  }
}

/** An HTTP/1.1 connection between two requests. */
function isIdle(socket: Socket): boolean {
  const { _httpMessage: message, alpnProtocol } = socket as { _httpMessage?: unknown; alpnProtocol?: unknown }
  return message == null && alpnProtocol !== 'h2'
}

/** Listens on all that is asked for. Rejects with the system's error (EADDRINUSE, EACCES) when it cannot. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const open = new Connections()
  try {
    const port = await listenSecurely(options, open)
    if (options.plainSocket) await listenPlainly(options, open, options.plainSocket)
    return { port, close: () => open.close() }
  } catch (error) {
    await open.close()
    throw error
  }
}

async function listenSecurely(options: ServerOptions, open: Connections): Promise<number> {
  const secure = createSecureServer({
    ...options.tls,
    allowHTTP1: true,
    requestCert: options.tls.ca !== undefined,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: STREAM_WINDOW_BYTES },
  })
  wire(secure as unknown as HttpServer, options, open)
  secure.on('secureConnection', (socket) => open.track(socket))
  secure.on('session', (session) => {
    open.sessions.add(session)
    session.once('close', () => open.sessions.delete(session))
    session.on('error', () => session.destroy())
  })
  await listen(secure, { port: options.port, host: options.host ?? '127.0.0.1' }, open)
  if (options.tlsSocket) {
    // Whatever comes is handed to the TLS server as if it had come to its port.
    const raw = createNetServer((socket) => secure.emit('connection', socket))
    await listen(raw, { path: options.tlsSocket }, open)
  }
  return (secure.address() as AddressInfo).port
}

async function listenPlainly(options: ServerOptions, open: Connections, path: string): Promise<void> {
  const plain = createHttpServer()
  wire(plain, options, open)
  plain.on('connection', (socket) => open.track(socket))
  await listen(plain, { path }, open)
}

function wire(server: HttpServer, options: ServerOptions, open: Connections): void {
  server.on('request', (request: AnyRequest, response: AnyResponse) => void serve(options, open, { request, response }))
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    answerUpgrade(options, request, { socket, head, certificate: certificateUser(socket, Date.now()) }).catch(
      (error: unknown) => {
        options.fault(error)
        socket.destroy()
      },
    )
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  // Watches and logs stay silent for long: only the request itself has to come in time.
  server.timeout = 0
  server.keepAliveTimeout = 0
}

function listen(
  server: Server,
  where: { port: number; host: string } | { path: string },
  open: Connections,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      server.on('error', () => {})
      open.servers.push(server)
      resolve()
    })
  })
}

async function serve(
  options: ServerOptions,
  open: Connections,
  { request, response }: { request: AnyRequest; response: AnyResponse },
): Promise<void> {
  try {
    const call = apiRequest(request, response, certificateUser(request.socket, Date.now()))
    const answer = await options.handle(call)
    if (answer.body.type === 'kubelet') await tunnelToKubelet(options.dialKubelet, answer.body, { request, response })
    else await writeResponse(answer, request, response)
    if (open.closing && request.httpVersionMajor < 2) request.socket.end()
  } catch (error) {
    options.fault(error)
    if (request.httpVersionMajor < 2) request.socket.destroy()
    else (response as Http2ServerResponse).stream.destroy()
  }
}
