/**
 * Requests that a pod's kubelet carries out: the API server opens a connection to it and passes bytes on, both ways, until
 * either side closes. What travels inside (WebSocket frames, a log) is the kubelet's and the client's business; that it may travel
 * is not: the two sockets become one only after the kubelet has agreed, or else the client would go on to ask it for other things.
 */
import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { badRequest, failure, internalError } from '../api/status.ts'
import type { ApiHandler, ApiResponse, ResponseBody, UserInfo } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import type { OpenRequest } from './open-request.node.ts'
import { requestHead } from './request.node.ts'
import { errorResponse } from './respond.ts'
import { writeResponse } from './write-response.node.ts'

/** Opens a connection to the kubelet's HTTP server on `node`. Rejects when it cannot be reached. */
export type KubeletDialer = (node: string) => Promise<Socket>

type KubeletBody = Extract<ResponseBody, { type: 'kubelet' }>

/** How long a kubelet may take to agree to an upgrade, in ms; then the client is told that it does not answer. */
const AGREEMENT_TIMEOUT_MS = 30_000

/** Both ways silent for so long, in ms, a stream is ended. The kubelet's own default. */
const STREAM_IDLE_MS = 4 * 3_600_000

/** Headers that belong to one connection, not to the request. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'host', 'authorization'])

const target = ({ path, query }: KubeletBody) => (query ? `${path}?${query}` : path)

/** A request without upgrade: a log, or an exec whose client asked wrongly. */
export async function tunnelToKubelet(dial: KubeletDialer, body: KubeletBody, open: OpenRequest): Promise<void> {
  const response = open.response as import('node:http').ServerResponse
  open.endless = true
  let socket: Socket
  try {
    socket = await dial(body.node)
  } catch (error) {
    return writeResponse(unreachable(body, error), open)
  }
  await new Promise<void>((resolve) => {
    const answerWith = (answer: ApiResponse) => writeResponse(answer, open).catch(() => open.destroy())
    const upstream = httpRequest({
      method: open.request.method,
      path: target(body),
      headers: { host: body.node },
      createConnection: () => socket,
    })
    upstream.on('response', (answer) => {
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
    upstream.end()
  })
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

function unreachable({ node }: KubeletBody, error: unknown): ApiResponse {
  const why = error instanceof Error ? error.message : String(error)
  return errorResponse(failure(500, '', `error dialing node ${node}: ${why}`), () => {})
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
  if (answer.body.type !== 'kubelet') return refuse(side, answer)
  const { body } = answer
  try {
    const kubelet = await dialKubelet(body.node)
    whenOver(() => kubelet.destroy())
    await agree(kubelet, { request, body, side })
  } catch (error) {
    refuse(side, unreachable(body, error))
  }
}

interface Asked {
  readonly request: IncomingMessage
  readonly body: KubeletBody
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
function upgradeHeaders({ headers, method }: IncomingMessage, { node }: KubeletBody): Record<string, string> {
  const kept: Record<string, string> = { host: node, connection: 'Upgrade' }
  if (method !== 'GET') kept['content-length'] = '0'
  for (const [name, value] of Object.entries(headers))
    if ((name === 'upgrade' || name.startsWith('sec-websocket-') || name === 'origin') && typeof value === 'string')
      kept[name] = value
  const protocols = kept['sec-websocket-protocol']
  if (protocols !== undefined) kept['sec-websocket-protocol'] = withoutToken(protocols)
  return kept
}

/** Browsers send their token as a protocol (see `authenticate.ts`). */
const withoutToken = (protocols: string) =>
  protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !protocol.startsWith('base64url.bearer.authorization.k8s.io.'))
    .join(', ')

function answerHead({ statusCode = 101, rawHeaders }: IncomingMessage): string {
  let text = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n`
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  return `${text}\r\n`
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
