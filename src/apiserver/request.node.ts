import type { ApiRequest } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import type { Bodies } from './bodies.node.ts'
import type { AnyRequest, OpenRequest } from './open-request.node.ts'
import { isReading } from './request-info.ts'

const NO_BODY = Promise.resolve(undefined)

/** What the head of a request says. */
export function requestHead(
  request: AnyRequest,
  { user, refused }: CertificateUser,
): Pick<ApiRequest, 'method' | 'path' | 'query' | 'headers' | 'rawHeaders' | 'user' | 'badCertificate'> {
  const url = request.url ?? '/'
  const at = url.indexOf('?')
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
