/**
 * Requests that a pod's kubelet carries out: the API server opens a connection to it and passes bytes on, both ways, until
 * either side closes. What travels inside (WebSocket, SPDY inside of it, a log) is the kubelet's and the client's business.
 */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { badRequest, failure, internalError } from '../api/status.ts'
import type { ApiHandler, ApiResponse, ResponseBody } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import { apiRequest } from './request.node.ts'
import { errorResponse } from './respond.ts'
import { writeResponse } from './write-response.node.ts'

/** Opens a connection to the kubelet's HTTP server on `node`. Rejects when it cannot be reached. */
export type KubeletDialer = (node: string) => Promise<Socket>

type KubeletBody = Extract<ResponseBody, { type: 'kubelet' }>

/** Headers that belong to one connection, not to the request. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'host', 'authorization'])

const target = ({ path, query }: KubeletBody) => (query ? `${path}?${query}` : path)

/** A request without upgrade: a log, or an exec whose client asked wrongly. */
export async function tunnelToKubelet(
  dial: KubeletDialer,
  body: KubeletBody,
  client: { request: IncomingMessage | Http2ServerRequest; response: ServerResponse | Http2ServerResponse },
): Promise<void> {
  const response = client.response as ServerResponse
  let socket: Socket
  try {
    socket = await dial(body.node)
  } catch (error) {
    return writeResponse(unreachable(body, error), client.request, response)
  }
  await new Promise<void>((resolve) => {
    const upstream = httpRequest({
      method: client.request.method,
      path: target(body),
      headers: { host: body.node },
      createConnection: () => socket,
    })
    upstream.on('response', (answer) => {
      const status = answer.statusCode ?? 502
      if (status < 200 || status > 206)
        return void refusal(answer, status).then((r) => writeResponse(r, client.request, response))
      const headers: Record<string, string | string[]> = {}
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !HOP_HEADERS.has(name)) headers[name] = value
      response.writeHead(status, headers)
      response.flushHeaders()
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    upstream.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else void writeResponse(unreachable(body, error), client.request, response)
    })
    response.once('close', () => {
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
  for await (const chunk of answer) if (text.length < REFUSAL_BYTES_MAX) text += chunk
  const message = text.trimEnd()
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

interface UpgradeSide {
  readonly socket: Socket
  readonly head: Buffer
  readonly certificate: CertificateUser
}

/** exec, attach, port-forward: after the chain the request's head goes to the kubelet, then the two sockets are one. */
export async function answerUpgrade(
  { handle, dialKubelet }: { handle: ApiHandler; dialKubelet: KubeletDialer },
  request: IncomingMessage,
  { socket, head, certificate }: UpgradeSide,
): Promise<void> {
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  const base = apiRequest(request, undefined as never, certificate)
  const answer = await handle({
    method: base.method,
    path: base.path,
    query: base.query,
    headers: base.headers,
    rawHeaders: request.rawHeaders,
    ...(base.user ? { user: base.user } : {}),
    ...(base.badCertificate ? { badCertificate: true } : {}),
    upgrade: true,
    body: () => Promise.resolve(undefined),
    signal: gone.signal,
  })
  if (answer.body.type !== 'kubelet') return refuse(socket, answer)
  const { body } = answer
  let kubelet: Socket
  try {
    kubelet = await dialKubelet(body.node)
  } catch (error) {
    return refuse(socket, unreachable(body, error))
  }
  kubelet.write(requestHead(request, body))
  if (head.length > 0) kubelet.write(head)
  join(socket, kubelet)
}

/** The head as it came, for another path, without credentials. */
function requestHead(request: IncomingMessage, body: KubeletBody): string {
  let text = `${request.method} ${target(body)} HTTP/1.1\r\nhost: ${body.node}\r\n`
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    const lower = name.toLowerCase()
    if (lower === 'host' || lower === 'authorization') continue
    text += `${name}: ${request.rawHeaders[i + 1]}\r\n`
  }
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
  }
}

/** A plain HTTP answer on a socket that was to be upgraded. */
function refuse(socket: Socket, answer: ApiResponse): void {
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
  socket.end(
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 ${status} Refused\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\nconnection: close\r\n\r\n`,
      ),
      bytes,
    ]),
  )
}
