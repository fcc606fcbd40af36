/**
 * Requests that somebody inside the cluster carries out, a pod's kubelet, or the server behind a proxy subresource
 * (proxied.node.ts): the API server opens a connection and passes bytes on, both ways, until either side closes. What travels inside
 * (WebSocket frames, a log) is the business of the two ends; that it may travel is not: the two sockets become one only after the
 * server has agreed, or else the client would go on to ask it for other things.
 */
import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { badRequest, failure, internalError, serviceUnavailable } from '../api/status.ts'
import type { ApiHandler, ApiResponse, ForwardAddress, ForwardBody, UserInfo } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import type { OpenRequest } from './open-request.node.ts'
import { passOn, proxiedHeaders } from './proxied.node.ts'
import { requestHead } from './request.node.ts'
import { errorResponse } from './respond.ts'
import { writeResponse } from './write-response.node.ts'

/**
 * Opens a connection to the kubelet's HTTP server on `node`, or to an address as seen from there; '': from any node. Rejects when it
 * cannot be reached.
 */
export type KubeletDialer = (node: string, address?: ForwardAddress) => Promise<Socket>

/** How long a kubelet may take to agree to an upgrade, in ms; then the client is told that it does not answer. */
const AGREEMENT_TIMEOUT_MS = 30_000

/** Both ways silent for so long, in ms, a stream is ended. The kubelet's own default. */
const STREAM_IDLE_MS = 4 * 3_600_000

/** Headers that belong to one connection, not to the request. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'host', 'authorization'])

const target = ({ path, query }: ForwardBody) => (query ? `${path}?${query}` : path)

/** A request without upgrade: a log, an exec whose client asked wrongly, or whatever comes for a proxy. */
export async function tunnelToKubelet(dial: KubeletDialer, body: ForwardBody, open: OpenRequest): Promise<void> {
  const response = open.response as import('node:http').ServerResponse
  open.endless = true
  let socket: Socket
  try {
    socket = await connectTo(dial, body)
  } catch (error) {
    return writeResponse(unreachable(body, error), open)
  }
  const { prefix } = body
  await new Promise<void>((resolve) => {
    const answerWith = (answer: ApiResponse) => writeResponse(answer, open).catch(() => open.destroy())
    const upstream = httpRequest({
      method: open.request.method,
      path: target(body),
      headers: prefix === undefined ? { host: body.node } : proxiedHeaders(open.request, prefix, body.path),
      createConnection: () => socket,
    })
    upstream.on('response', (answer) => {
      if (prefix !== undefined) return void passOn(answer, { ...body, prefix }, open).catch(() => open.destroy())
      const status = answer.statusCode ?? 502
      if (status < 200 || status > 206) return void refusal(answer, status).then(answerWith)
      const headers: Record<string, string | string[]> = {}
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !HOP_HEADERS.has(name)) headers[name] = value
      response.writeHead(status, headers)
      response.flushHeaders()
      answer.pipe(response)
      answer.on('error', () => open.destroy())
    })
    upstream.on('error', (error) => {
      if (response.headersSent) open.destroy()
      else void answerWith(unreachable(body, error))
    })
    open.whenOver(() => {
      upstream.destroy()
      socket.destroy()
      resolve()
    })
    if (prefix === undefined) upstream.end()
    else open.request.pipe(upstream)
  })
}

async function connectTo(dial: KubeletDialer, { node, address }: ForwardBody): Promise<Socket> {
  if (address && !(Number(address.port) >= 1 && Number(address.port) <= 65535))
    throw new Error(`address ${address.port}: invalid port`)
  const socket = await dial(node, address)
  socket.on('error', () => socket.destroy())
  if (address?.scheme !== 'https') return socket
  // As in Kubernetes: whoever asks for a proxy trusts what is behind it.
  const secured = tlsConnect({ socket, rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => secured.once('secureConnect', resolve).once('error', reject))
  secured.on('error', () => secured.destroy())
  return secured
}

/** What of a kubelet's refusal is read, in bytes. */
const REFUSAL_BYTES_MAX = 2048

/** The kubelet's sentence as a Status, as Kubernetes' API server passes it on. */
async function refusal(answer: IncomingMessage, status: number): Promise<ApiResponse> {
  let text = ''
  answer.setEncoding('utf8')
  // What was read until it broke off is what there is to say.
  try {
    for await (const chunk of answer) {
      text += chunk
      if (text.length > REFUSAL_BYTES_MAX) break
    }
  } catch {}
  const message = text.slice(0, REFUSAL_BYTES_MAX).trimEnd()
  const error =
    status === 400
      ? badRequest(message)
      : status === 404
        ? failure(404, 'NotFound', `the server could not find the requested resource: ${message}`, {})
        : status === 500
          ? internalError(message)
          : failure(status, '', message)
  return errorResponse(error, () => {})
}

/** In Go's words. */
const DIAL_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
}

/** OpenSSL's line of numbers and file names says little to people. */
function plainly(message: string): string {
  const [, reason] = /:SSL routines:[^:]*:([^:]+):/.exec(message) ?? []
  if (reason === undefined) return message
  return reason === 'wrong version number' ? 'http: server gave HTTP response to HTTPS client' : `tls: ${reason}`
}

function unreachable({ node, address, prefix }: ForwardBody, error: unknown): ApiResponse {
  const { message, code = '' } = error as NodeJS.ErrnoException
  if (prefix === undefined) return errorResponse(failure(500, '', `error dialing node ${node}: ${message}`), () => {})
  const words = DIAL_WORDS[code]
  const where = address ? `${address.host}:${address.port}` : node
  const why = words ? `dial tcp ${where}: ${words}` : code === 'ECONNRESET' ? 'EOF' : plainly(message)
  return errorResponse(serviceUnavailable(`error trying to reach service: ${why}`), () => {})
}

export interface UpgradeSide {
  readonly socket: Socket
  /** What came behind the head of the request. */
  readonly head: Buffer
  readonly certificate: CertificateUser
  identified(user: UserInfo): void
  /** Ends the connection, whether its peer takes the last word or not. */
  end(): void
}

/** exec, attach, port-forward: after the chain the request goes to the kubelet; when that agrees, the two sockets are one. */
export async function answerUpgrade(
  { handle, dialKubelet }: { handle: ApiHandler; dialKubelet: KubeletDialer },
  request: IncomingMessage,
  side: UpgradeSide,
): Promise<void> {
  const { socket } = side
  const gone = new AbortController()
  const whenOver = (done: () => void) => {
    if (socket.destroyed) done()
    else socket.once('close', done)
  }
  whenOver(() => gone.abort())
  const answer = await handle({
    ...requestHead(request, side.certificate),
    upgrade: true,
    body: () => Promise.resolve(undefined),
    signal: gone.signal,
    identified: (who) => side.identified(who),
    whenOver,
  })
  if (answer.body.type !== 'forward') return refuse(side, answer)
  const { body } = answer
  try {
    const kubelet = await connectTo(dialKubelet, body)
    whenOver(() => kubelet.destroy())
    await agree(kubelet, { request, body, side })
  } catch (error) {
    refuse(side, unreachable(body, error))
  }
}

interface Asked {
  readonly request: IncomingMessage
  readonly body: ForwardBody
  readonly side: UpgradeSide
}

/** Asks the kubelet, and joins the sockets when it switches protocols; any other answer is the client's, and the end. */
function agree(kubelet: Socket, { request, body, side }: Asked): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = httpRequest({
      method: request.method,
      path: target(body),
      headers: upgradeHeaders(request, body),
      createConnection: () => kubelet,
    })
    const timer = setTimeout(() => upstream.destroy(new Error('the kubelet does not answer')), AGREEMENT_TIMEOUT_MS)
    upstream.on('error', reject)
    upstream.on('response', (answer) => {
      if (body.prefix !== undefined) return void passOnRefusal(answer, side).then(resolve, reject)
      refusal(answer, answer.statusCode ?? 502)
        .then((refused) => refuse(side, refused))
        .then(resolve, reject)
    })
    upstream.on('upgrade', (answer, _socket, head: Buffer) => {
      side.socket.write(answerHead(answer))
      if (head.length > 0) side.socket.write(head)
      if (side.head.length > 0) kubelet.write(side.head)
      join(side.socket, kubelet)
      resolve()
    })
    upstream.on('close', () => clearTimeout(timer))
    upstream.end()
  })
}

/** What an upgrade needs, and nothing else: no credentials, no body. */
function upgradeHeaders(request: IncomingMessage, { node, path, prefix }: ForwardBody) {
  const { headers, method } = request
  const kept: Record<string, string | string[]> =
    prefix === undefined ? { host: node } : proxiedHeaders(request, prefix, path)
  kept.connection = 'Upgrade'
  if (method !== 'GET') kept['content-length'] = '0'
  for (const [name, value] of Object.entries(headers))
    if ((name === 'upgrade' || name.startsWith('sec-websocket-') || name === 'origin') && typeof value === 'string')
      kept[name] = value
  const protocols = kept['sec-websocket-protocol']
  if (typeof protocols === 'string') kept['sec-websocket-protocol'] = withoutToken(protocols)
  return kept
}

/** Browsers send their token as a protocol (see `authenticate.ts`). */
const withoutToken = (protocols: string) =>
  protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !protocol.startsWith('base64url.bearer.authorization.k8s.io.'))
    .join(', ')

/** What a proxied server says instead of switching protocols: its answer, as it is, and the end. */
async function passOnRefusal(answer: IncomingMessage, side: UpgradeSide): Promise<void> {
  // Without frames of its own the body lasts as long as the connection.
  side.socket.write(answerHead(answer, ['transfer-encoding', 'connection', 'keep-alive']))
  for await (const bytes of answer) if (!side.socket.write(bytes)) await drained(side.socket)
  side.end()
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })

function answerHead({ statusCode = 101, rawHeaders }: IncomingMessage, without: readonly string[] = []): string {
  let text = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n`
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (!without.includes(rawHeaders[i]?.toLowerCase() ?? '')) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  return `${text}${without.length > 0 ? 'connection: close\r\n' : ''}\r\n`
}

/** Both ways, with backpressure; an end is passed on, a break breaks both. */
function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.setTimeout(STREAM_IDLE_MS, () => from.destroy())
  }
}

/** A plain HTTP answer on a socket that was to be upgraded. */
function refuse(side: UpgradeSide, answer: ApiResponse): void {
  const { body } = answer
  const bytes =
    body.type === 'object'
      ? Buffer.from(body.bytes())
      : Buffer.from(
          body.type === 'text'
            ? body.text
            : JSON.stringify(failure(400, 'BadRequest', 'Upgrade request required').status),
        )
  const status = answer.status < 300 ? 400 : answer.status
  const type = body.type === 'text' ? 'text/plain' : 'application/json'
  side.socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\nconnection: close\r\n\r\n`,
  )
  side.socket.write(bytes)
  // What the peer goes on sending is not for anybody.
  side.socket.resume()
  side.end()
}
