/** What others need to check service accounts' tokens by themselves (KEP-1393); who may read it, roles say. */
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Exchange } from '../exchange.ts'
import type { TokenSigner } from './service-account-tokens.ts'
import { ISSUER } from './tokens.ts'

export const OIDC_PATHS = { configuration: '/.well-known/openid-configuration', keys: '/openid/v1/jwks' } as const

/** Clients may keep the documents for this long, in seconds. */
const CACHE_SECONDS = 3600

/** What the API server is called among pods, as in its certificate. */
const NAMES_INSIDE = /^(10\.96\.0\.1|kubernetes(\.default(\.svc(\.cluster\.local)?)?)?)(:443)?$/

/**
 * `address`: `host:port` where clients outside reach the keys. A pod has a network of its own and does not reach it, so that who asks by
 * a name of the inside is told to stay with that.
 */
export function oidcDocuments(signer: TokenSigner, address: () => string) {
  const answer = (document: object, contentType: string): ApiResponse => ({
    status: 200,
    headers: { 'content-type': contentType, 'cache-control': `public, max-age=${CACHE_SECONDS}` },
    body: { type: 'text', text: JSON.stringify(document) },
  })
  return ({ request }: Exchange): ApiResponse | undefined => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const path = request.path.replace(/\/$/, '')
    if (path === OIDC_PATHS.keys) return answer(signer.keySet, 'application/jwk-set+json')
    if (path !== OIDC_PATHS.configuration) return undefined
    const asked = request.headers[':authority'] ?? request.headers.host ?? ''
    const configuration = {
      issuer: ISSUER,
      jwks_uri: `https://${NAMES_INSIDE.test(asked) ? asked : address()}${OIDC_PATHS.keys}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: signer.algorithms,
    }
    return answer(configuration, 'application/json')
  }
}
