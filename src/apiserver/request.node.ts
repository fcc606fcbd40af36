import type { ApiRequest, RequestBody, UserInfo } from '../wire/exchange.ts'
import type { CertificateUser } from './authn/client-certificate.node.ts'
import type { Bodies } from './bodies.node.ts'
import type { AnyRequest, OpenRequest } from './open-request.node.ts'
import { isReading } from './request-info.ts'
import { nextTurn } from './slices.node.ts'

const NO_BODY: Promise<RequestBody> = Promise.resolve(undefined)

const NO_QUERY = new URLSearchParams()

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
    query: at < 0 ? NO_QUERY : new URLSearchParams(url.slice(at + 1)),
    headers: request.headers as Record<string, string>,
    rawHeaders: request.rawHeaders,
    user,
    badCertificate: refused,
  }
}

/** The request as the API server knows it. One is made of every request: what most do not ask for is not made. */
export class SocketRequest implements ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly rawHeaders: readonly string[] | undefined
  readonly user: UserInfo | undefined
  readonly badCertificate: boolean | undefined
  readonly pause = nextTurn
  private readonly open: OpenRequest
  private readonly bodies: Bodies
  private reading: Promise<RequestBody> | undefined

  constructor(open: OpenRequest, bodies: Bodies, certificate: CertificateUser) {
    const head = requestHead(open.request, certificate)
    this.method = head.method
    this.path = head.path
    this.query = head.query
    this.headers = head.headers
    this.rawHeaders = head.rawHeaders
    this.user = head.user
    this.badCertificate = head.badCertificate
    this.open = open
    this.bodies = bodies
  }

  body(): Promise<RequestBody> {
    this.reading ??= isReading(this.method) ? NO_BODY : this.bodies.read(this.open)
    return this.reading
  }

  /** Aborts when the answer is complete, or its reader has gone before. */
  get signal(): AbortSignal {
    const gone = new AbortController()
    this.open.whenOver(() => gone.abort())
    return gone.signal
  }

  identified(user: UserInfo): void {
    this.open.identified(user)
  }

  whenOver(done: () => void): void {
    this.open.whenOver(done)
  }
}
