/** Tokens of service accounts: made by the token subresource, good while their account and what they are bound to exist (KEP-1205). */
import type { Clock } from '../../base/clock.ts'
import type { Registry } from '../../registry/registry.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { ALL_AUTHENTICATED, accountGroups } from './names.ts'
import type { TokenSource } from './tokens.ts'

export const ISSUER = 'https://kubernetes.default.svc'

interface Named {
  readonly name: string
  readonly uid?: string
}

export interface Claims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  /** Seconds since 1970, like `iat` and `nbf`. */
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly node?: Named
    readonly pod?: Named
    readonly secret?: Named
    readonly serviceaccount: Named
  }
}

/** Signs and checks tokens: `jwt.node.ts` with a key, tests without one. */
export interface TokenSigner {
  sign(claims: Claims): string
  /** undefined: not signed by this key. */
  verify(token: string): Claims | undefined
}

/** Tokens whose signature has been checked; more are checked again each time. */
const VERIFIED_MAX = 1000

export function serviceAccountTokens(parts: { signer: TokenSigner; registry: Registry; clock: Clock }): TokenSource {
  const { signer, registry, clock } = parts
  const verified = new Map<string, Claims>()
  const claimsOf = (token: string) => {
    const known = verified.get(token)
    if (known) return known
    const claims = signer.verify(token)
    if (claims && verified.size >= VERIFIED_MAX) verified.clear()
    if (claims) verified.set(token, claims)
    return claims
  }
  const exists = (plural: string, namespace: string, { name, uid }: Named) => {
    const resource = registry.find('', 'v1', plural)
    const object = resource && registry.peek(resource, namespace, name)?.object
    return object !== undefined && object.metadata.uid === uid
  }
  return {
    user(token) {
      const claims = claimsOf(token)
      if (claims?.iss !== ISSUER || !claims.aud.includes(ISSUER)) return undefined
      const now = clock.now() / 1000
      if (now >= claims.exp || now < claims.nbf - 1) return undefined
      const { namespace, serviceaccount, pod } = claims['kubernetes.io']
      if (!exists('serviceaccounts', namespace, serviceaccount)) return undefined
      if (pod && !exists('pods', namespace, pod)) return undefined
      return userOf(claims)
    },
  }
}

function userOf(claims: Claims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io']
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] }
  if (pod) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name]
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid ?? '']
  }
  if (node) extra['authentication.kubernetes.io/node-name'] = [node.name]
  return {
    name: claims.sub,
    ...(serviceaccount.uid ? { uid: serviceaccount.uid } : {}),
    groups: [...accountGroups(namespace), ALL_AUTHENTICATED],
    extra,
  }
}
