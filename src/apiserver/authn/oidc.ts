/** What others need to check service accounts' tokens by themselves (KEP-1393); who may read it, roles say. */
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Exchange } from '../exchange.ts'
import type { TokenSigner } from './service-account-tokens.ts'
import { ISSUER } from './tokens.ts'

export const OIDC_PATHS = { configuration: '/.well-known/openid-configuration', keys: '/openid/v1/jwks' } as const

/** Clients may keep the documents for this long, in seconds. */
const CACHE_SECONDS = 3600

/** `address`: `host:port` where clients reach the keys. */
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
    const configuration = {
      issuer: ISSUER,
      jwks_uri: `https://${address()}${OIDC_PATHS.keys}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: signer.algorithms,
    }
    return answer(configuration, 'application/json')
  }
}
