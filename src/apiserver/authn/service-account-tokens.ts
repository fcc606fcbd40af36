/**
 * Tokens of service accounts: made by the token subresource, good while their account and what they are bound to exist
 * (KEP-1205, KEP-4193). What others need to check them themselves is served by `oidc.ts`.
 */
import { parseTime } from '../../api/time.ts'
import type { Clock } from '../../base/clock.ts'
import type { Registry } from '../../registry/registry.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { quoted } from '../authz/rules.ts'
import { ALL_AUTHENTICATED, accountGroups } from './names.ts'
import { ISSUER, type TokenSource } from './tokens.ts'

export interface Named {
  readonly name: string
  readonly uid?: string
}

/** Members in the order in which they are signed. */
export interface Claims {
  readonly aud: readonly string[]
  /** Seconds since 1970, like `iat` and `nbf`. */
  readonly exp: number
  readonly iat: number
  readonly iss: string
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly node?: Named
    readonly pod?: Named
    readonly secret?: Named
    readonly serviceaccount: Named
    /** From here on its pod should have a newer one, in seconds since 1970. */
    readonly warnafter?: number
  }
  readonly nbf: number
  readonly sub: string
}

/** Signs and checks tokens: `jwt.node.ts` with a key, tests without one. */
export interface TokenSigner {
  sign(claims: Claims): string
  /** undefined: not signed by this key. */
  verify(token: string): Claims | undefined
  /** The public keys as a JSON Web Key Set, and the algorithms they are for. */
  readonly keySet: { readonly keys: readonly object[] }
  readonly algorithms: readonly string[]
}

/** Tokens whose signature has been checked; more are checked again each time. */
const VERIFIED_MAX = 1000
/** An object that is only marked for deletion, because of a finalizer, keeps its tokens good for this long, in ms. */
const DELETED_GRACE_MS = 60_000

export function serviceAccountTokens(parts: { signer: TokenSigner; registry: Registry; clock: Clock }): TokenSource {
  const { signer, clock } = parts
  const verified = new Map<string, Claims>()
  const claimsOf = (token: string) => {
    const known = verified.get(token)
    if (known) return known
    const claims = signer.verify(token)
    if (claims && verified.size >= VERIFIED_MAX) verified.clear()
    if (claims) verified.set(token, claims)
    return claims
  }
  return {
    authenticate(token, wanted) {
      const claims = claimsOf(token)
      if (claims?.iss !== ISSUER) return undefined
      const audiences = wanted.filter((audience) => claims.aud.includes(audience))
      if (audiences.length === 0)
        return { error: `token audiences ${quoted(claims.aud)} is invalid for the target audiences ${quoted(wanted)}` }
      const error = timeError(claims, clock.now() / 1000) ?? boundError(claims, parts)
      return error === undefined ? { user: userOf(claims), audiences } : { error }
    },
  }
}

function timeError({ exp, nbf }: Claims, now: number): string | undefined {
  if (now >= exp) return 'service account token has expired'
  return now < nbf - 1 ? 'service account token is not valid yet' : undefined
}

/** Why the token is no longer good, by what has become of its account and what it is bound to. */
function boundError(claims: Claims, { registry, clock }: { registry: Registry; clock: Clock }): string | undefined {
  const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io']
  const lookup = (plural: string, { name }: Named) => {
    const resource = registry.find('', 'v1', plural)
    return resource && registry.peek(resource, plural === 'nodes' ? '' : namespace, name)?.object.metadata
  }
  const check = (plural: string, what: string, wanted: Named | undefined) => {
    if (!wanted) return undefined
    const found = lookup(plural, wanted)
    const deletedMs = found?.deletionTimestamp && parseTime(found.deletionTimestamp)
    if (!found || (deletedMs && deletedMs < clock.now() - DELETED_GRACE_MS))
      return 'service account token has been invalidated'
    if (found.uid === wanted.uid) return undefined
    return `${what} UID (${found.uid}) does not match service account ${what} ref claim (${wanted.uid})`
  }
  if (!lookup('serviceaccounts', serviceaccount)) return `serviceaccounts "${serviceaccount.name}" not found`
  return (
    check('serviceaccounts', 'service account', serviceaccount) ??
    check('secrets', 'secret', secret) ??
    check('pods', 'pod', pod) ??
    // The node of a pod is only told: the pod lives no longer than it does.
    (pod ? undefined : check('nodes', 'node', node))
  )
}

function userOf(claims: Claims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io']
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] }
  const add = (what: string, named: Named | undefined) => {
    if (!named) return
    extra[`authentication.kubernetes.io/${what}-name`] = [named.name]
    if (named.uid) extra[`authentication.kubernetes.io/${what}-uid`] = [named.uid]
  }
  add('node', node)
  add('pod', pod)
  return {
    name: claims.sub,
    ...(serviceaccount.uid ? { uid: serviceaccount.uid } : {}),
    groups: [...accountGroups(namespace), ALL_AUTHENTICATED],
    extra,
  }
}
