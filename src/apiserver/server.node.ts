/**
 * The sockets of the API server: HTTPS with HTTP/1.1 and HTTP/2 on a port, plain HTTP and raw TLS on Unix sockets for local nodes.
 * What may stay open and for how long is `connections.node.ts`'s.
 */
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createNetServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ApiHandler } from '../wire/exchange.ts'
import { certificateUser } from './authn/client-certificate.node.ts'
import { Bodies } from './bodies.node.ts'
import {
  type Connection,
  type ConnectionLimits,
  Connections,
  connectionLimits,
  isOldNews,
  PLAIN_PEER,
} from './connections.node.ts'
import { answerUpgrade, type KubeletDialer, tunnelToKubelet } from './kubelet-tunnel.node.ts'
import type { AnyRequest, AnyResponse, OpenRequest } from './open-request.node.ts'
import { SocketRequest } from './request.node.ts'
import { writeResponse } from './write-response.node.ts'

/** How long open requests may take to end when the server closes, in ms; then their sockets are destroyed. */
const CLOSE_GRACE_MS = 1000

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
  readonly limits?: Partial<ConnectionLimits>
  fault(error: unknown): void
}

export interface RunningServer {
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  close(): Promise<void>
}

interface Parts {
  readonly options: ServerOptions
  readonly open: Connections
  readonly bodies: Bodies
  readonly servers: Server[]
}

/** Listens on all that is asked for. Rejects with the system's error (EADDRINUSE, EACCES) when it cannot. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const open = new Connections(connectionLimits(options.limits))
  const parts: Parts = { options, open, bodies: new Bodies(), servers: [] }
  const close = () => {
    const ended = parts.servers.map((server) => new Promise((resolve) => server.close(resolve)))
    return open.close(CLOSE_GRACE_MS, Promise.all(ended))
  }
  try {
    const port = await listenSecurely(parts)
    if (options.plainSocket) await listenPlainly(parts, options.plainSocket)
    return {
      port,
      get connections() {
        return open.size
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The TLS server listens nowhere itself: what has come to a port or socket is looked at first. */
async function listenSecurely(parts: Parts): Promise<number> {
  const { options } = parts
  const secure = createSecureServer({
    ...options.tls,
    allowHTTP1: true,
    requestCert: options.tls.ca !== undefined,
    rejectUnauthorized: false,
    // `connections.node.ts` has one of its own, which comes first.
    handshakeTimeout: 2 * parts.open.limits.handshakeMs,
    settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: STREAM_WINDOW_BYTES },
  })
  wire(secure as unknown as HttpServer, parts)
  follow(secure, parts.open)
  const port = createNetServer((socket) => enter(secure, parts, { socket, peer: socket.remoteAddress ?? '' }))
  await listen(port, { port: options.port, host: options.host ?? '127.0.0.1' }, parts)
  if (options.tlsSocket) {
    const pods = createNetServer((socket) => enter(secure, parts, { socket, peer: 'pods' }))
    await listen(pods, { path: options.tlsSocket }, parts)
  }
  return (port.address() as AddressInfo).port
}

/** Keeps in the book what TLS and HTTP/2 make of a connection. */
function follow(secure: Http2SecureServer, open: Connections): void {
  let arriving: Connection | undefined
  // Before the HTTP/2 server's own listener, which makes the session.
  secure.prependListener('secureConnection', (socket: TLSSocket) => {
    arriving = open.secured(socket)
  })
  secure.on('session', (session: ServerHttp2Session) => {
    if (arriving) open.spoken(session, arriving)
  })
}

/** First byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16

/** As Go's server says it to those who forgot the s. */
const NOT_HTTPS = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'

function enter(secure: Http2SecureServer, { open }: Parts, { socket, peer }: { socket: Socket; peer: string }): void {
  const connection = open.admit(socket, peer)
  socket.once('readable', () => {
    const first: Buffer | null = socket.read()
    if (!first || !connection) return
    if (first[0] === TLS_HANDSHAKE) {
      socket.unshift(first)
      secure.emit('connection', socket)
      return
    }
    if (/^[A-Z]+ ?\/?/.test(first.toString('latin1', 0, 8))) socket.write(NOT_HTTPS)
    socket.resume()
    connection.end(open.limits.lingerMs)
  })
}

async function listenPlainly(parts: Parts, path: string): Promise<void> {
  const plain = createHttpServer()
  wire(plain, parts)
  plain.on('connection', (socket) => parts.open.admit(socket, PLAIN_PEER))
  await listen(plain, { path }, parts)
}

function wire(server: HttpServer, parts: Parts): void {
  const { options, open } = parts
  server.on('request', (request: AnyRequest, response: AnyResponse) => serve(parts, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const connection = open.of(socket)
    if (!connection) return socket.destroy()
    connection.tunnel = true
    answerUpgrade(options, request, {
      socket,
      head,
      certificate: certificateUser(socket, Date.now()),
      identified: (user) => connection.identified(user),
      end: () => connection.end(open.limits.lingerMs),
    }).catch((error: unknown) => {
      options.fault(error)
      socket.destroy()
    })
  })
  server.on('clientError', (error, socket) => {
    if (!isOldNews(error)) answerMalformed(error, socket as Socket, open)
  })
  // Watches and logs stay silent for long, and all that must not is looked at in `connections.node.ts`.
  server.timeout = 0
  server.keepAliveTimeout = 0
  server.headersTimeout = 0
  server.requestTimeout = 0
}

/** What cannot be read as HTTP: 400 as Go's server has it, where nothing has been said yet, and the end. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket, open: Connections): void {
  const connection = open.of(socket)
  if (!connection) return void socket.destroy()
  const { _httpMessage: current } = socket as { _httpMessage?: { headersSent: boolean } }
  if (socket.writable && !connection.ending && !current?.headersSent) {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`
    socket.write(head + status)
  }
  connection.end(open.limits.lingerMs)
}

function listen(server: Server, where: { port: number; host: string } | { path: string }, parts: Parts): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      server.on('error', () => {})
      parts.servers.push(server)
      resolve()
    })
  })
}

function serve(parts: Parts, request: AnyRequest, response: AnyResponse): void {
  const { options, open } = parts
  const connection = open.of(request.httpVersionMajor < 2 ? request.socket : sessionOf(request))
  if (!connection) return void response.destroy()
  const begun = connection.begin(request, response)
  answer(parts, begun, connection).catch((error: unknown) => {
    options.fault(error)
    begun.destroy()
  })
}

const sessionOf = (request: AnyRequest) => (request as Http2ServerRequest).stream.session as ServerHttp2Session

async function answer({ options, bodies, open }: Parts, begun: OpenRequest, connection: Connection): Promise<void> {
  const { request, response } = begun
  const certificate = certificateUser(connection.secured ?? connection.socket, Date.now())
  const call = new SocketRequest(begun, bodies, certificate)
  const answer = await options.handle(call)
  if (answer.body.type === 'forward') await tunnelToKubelet(options.dialKubelet, answer.body, begun)
  else await writeResponse(answer, begun)
  if (request.httpVersionMajor < 2) {
    if (open.closing) request.socket.end()
    // The rest of a body that nobody waits for.
    else if (begun.arriving) response.once('finish', () => connection.end(open.limits.lingerMs))
  } else if (begun.arriving) (response as Http2ServerResponse).stream?.close()
}
