import type { ApiRequest } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import type { Bodies } from './bodies.node.ts'
import type { AnyRequest, OpenRequest } from './open-request.node.ts'
import { isReading } from './request-info.ts'
import { nextTurn } from './slices.node.ts'

const NO_BODY = Promise.resolve(undefined)

const NOBODY: CertificateUser = {}

/**
 * Whether a page in a browser has sent it. A browser adds a certificate by itself, whatever page asks, so that for pages only a token
 * counts, which a page has to know. What comes through a proxy (`kubectl proxy`) is the business of that proxy; no page of another
 * origin can claim to be one without asking first, and ebb allows no such thing.
 */
function isFromPage({ headers }: AnyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined) return false
  const site = headers['sec-fetch-site'] ?? 'none'
  return headers.origin !== undefined || (site !== 'none' && site !== 'same-origin')
}

/** What the head of a request says. */
export function requestHead(
  request: AnyRequest,
  certificate: CertificateUser,
): Pick<ApiRequest, 'method' | 'path' | 'query' | 'headers' | 'rawHeaders' | 'user' | 'badCertificate'> {
  const url = request.url ?? '/'
  const at = url.indexOf('?')
  const { user, refused } = isFromPage(request) ? NOBODY : certificate
  return {
    method: request.method ?? 'GET',
    path: at < 0 ? url : url.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers: request.headers as Record<string, string>,
    rawHeaders: request.rawHeaders,
    ...(user ? { user } : {}),
    ...(refused ? { badCertificate: true } : {}),
  }
}

/** The request as the API server knows it. */
export function apiRequest(open: OpenRequest, bodies: Bodies, certificate: CertificateUser): ApiRequest {
  const head = requestHead(open.request, certificate)
  let body: ReturnType<ApiRequest['body']> | undefined
  return {
    ...head,
    body: () => (body ??= isReading(head.method) ? NO_BODY : bodies.read(open)),
    pause: nextTurn,
    get signal() {
      return goneSignal(open)
    },
    identified: (who) => open.identified(who),
    whenOver: (done) => open.whenOver(done),
  }
}

/** Aborts when the answer is complete, or its reader has gone before. */
function goneSignal(open: OpenRequest): AbortSignal {
  const gone = new AbortController()
  open.whenOver(() => gone.abort())
  return gone.signal
}
