/**
 * Requests and answers that pass through a proxy subresource: what of their heads goes along, and where answers lead back to.
 * Source: Kubernetes' apimachinery, util/proxy.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ForwardBody } from '../wire/exchange.ts'
import type { AnyRequest, OpenRequest } from './open-request.node.ts'
import { type ProxiedAt, rewriteHtml, rewriteUrl } from './proxy-rewrite.ts'

/** Headers that belong to one connection, not to the request, and those that are for the API server alone. */
const HOP_HEADERS = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'host', 'authorization', 'upgrade'],
  ...['proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'http2-settings'],
])
const isForUs = (name: string) => HOP_HEADERS.has(name) || name.startsWith(':') || name.startsWith('impersonate-')

/** Headers of answers that would open the API server to other origins. */
const CORS_HEADERS = new Set(
  ['credentials', 'headers', 'methods', 'origin'].map((what) => `access-control-allow-${what}`),
)

/** Bytes of a page whose links are rewritten; a longer one comes as it is. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024

/** The client's own, and where it came from. What comes back is to be readable: it is asked for unpacked. */
export function proxiedHeaders(request: AnyRequest, prefix: string, path: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !isForUs(name) && name !== 'accept-encoding') headers[name] = value
  headers.host = hostOf(request)
  headers['x-forwarded-uri'] = prefix + path
  const before = request.headers['x-forwarded-for']
  const from = request.socket.remoteAddress
  if (from) headers['x-forwarded-for'] = before ? `${String(before)}, ${from}` : from
  // Said explicitly: bytes of a body whose length nobody knows would be the next request.
  if (!('content-length' in headers)) {
    if (hasBody(request)) headers['transfer-encoding'] = 'chunked'
    else if (request.method !== 'GET' && request.method !== 'HEAD') headers['content-length'] = '0'
  }
  return headers
}

const hasBody = (request: AnyRequest): boolean =>
  'stream' in request ? !request.stream.endAfterHeaders : 'transfer-encoding' in request.headers

const hostOf = ({ headers }: AnyRequest): string => headers.host ?? String(headers[':authority'] ?? '')

/** The answer of the server to the client: as it is, but for what it refers to. */
export async function passOn(
  answer: IncomingMessage,
  { node, address, prefix }: Pick<ForwardBody, 'node' | 'address'> & { readonly prefix: string },
  open: OpenRequest,
): Promise<void> {
  const { request } = open
  const response = open.response as ServerResponse
  const status = answer.statusCode ?? 502
  answer.on('error', () => open.destroy())
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !isForUs(name) && !CORS_HEADERS.has(name)) headers[name] = value
  const at: ProxiedAt = { prefix, server: address ? `${address.host}:${address.port}` : node, client: hostOf(request) }
  if (headers.location) headers.location = rewriteUrl(String(headers.location), at)
  const isPage = !headers['content-encoding'] && /^text\/html\s*(;|$)/i.test(answer.headers['content-type'] ?? '')
  if (!isPage || request.method === 'HEAD') {
    response.writeHead(status, headers)
    response.flushHeaders()
  } else {
    const page = await readPage(answer)
    if (page.isWhole) {
      const rewritten = Buffer.from(rewriteHtml(page.bytes.toString('latin1'), at), 'latin1')
      response.writeHead(status, { ...headers, 'content-length': rewritten.length })
      response.end(rewritten)
      return
    }
    response.writeHead(status, headers)
    response.write(page.bytes)
  }
  answer.pipe(response)
}

/** The answer's body, or as much of it as is rewritten at most; the rest is then still to be read. */
function readPage(answer: IncomingMessage): Promise<{ bytes: Buffer; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    const take = (part: Buffer) => {
      parts.push(part)
      length += part.length
      if (length <= PAGE_BYTES_MAX) return
      answer.pause()
      answer.off('data', take)
      resolve({ bytes: Buffer.concat(parts), isWhole: false })
    }
    answer.on('data', take)
    answer.once('end', () => resolve({ bytes: Buffer.concat(parts), isWhole: true }))
    answer.once('close', () => reject(new Error('the answer was cut short')))
  })
}
