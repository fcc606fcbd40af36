import { failure } from '../../api/status.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { ALL_UNAUTHENTICATED, ANONYMOUS_NAME } from '../authn/names.ts'
import { API_AUDIENCES, authenticated, type TokenSource } from '../authn/tokens.ts'
import type { Exchange, Stage } from '../exchange.ts'

export const ANONYMOUS: UserInfo = { name: ANONYMOUS_NAME, groups: [ALL_UNAUTHENTICATED] }

const WEBSOCKET_TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.'

/** Who asks: what the transport knows (certificate, in-process), else the bearer token, else nobody. What is shown and not good is 401. */
export function authenticate(tokens: TokenSource): Stage {
  return (exchange) => {
    const { request } = exchange
    if (request.user) {
      exchange.user = authenticated(request.user)
      return
    }
    const token = bearerToken(exchange)
    if (token === undefined) {
      if (request.badCertificate) throw unauthorized()
      exchange.user = ANONYMOUS
      return
    }
    const found = tokens.authenticate(token, API_AUDIENCES)
    if (!found || 'error' in found) throw unauthorized()
    exchange.user = found.user
  }
}

const unauthorized = () => failure(401, 'Unauthorized', 'Unauthorized')

function bearerToken({ request }: Exchange): string | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ')
    if (space < 0 || authorization.slice(0, space).toLowerCase() !== 'bearer') return undefined
    const token = authorization.slice(space + 1).trim()
    return token === '' ? undefined : token
  }
  return request.upgrade ? webSocketToken(request.headers['sec-websocket-protocol']) : undefined
}

/** Browsers cannot set headers on a WebSocket: the token comes as a subprotocol. */
function webSocketToken(protocols: string | undefined): string | undefined {
  for (const protocol of protocols?.split(',') ?? []) {
    const name = protocol.trim()
    if (!name.startsWith(WEBSOCKET_TOKEN_PREFIX)) continue
    const text = name.slice(WEBSOCKET_TOKEN_PREFIX.length).replaceAll('-', '+').replaceAll('_', '/')
    try {
      return atob(text)
    } catch {
      throw unauthorized()
    }
  }
  return undefined
}
