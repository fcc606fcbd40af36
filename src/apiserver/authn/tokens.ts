import type { UserInfo } from '../../wire/exchange.ts'
import { ALL_AUTHENTICATED, MASTERS } from './names.ts'

/** Who issues the tokens of service accounts, and whom they are for when nobody else is named. */
export const ISSUER = 'https://kubernetes.default.svc'
/** Audiences as which the API server is spoken to. */
export const API_AUDIENCES: readonly string[] = [ISSUER]

export interface Authenticated {
  readonly user: UserInfo
  /** Those of the wanted audiences that the token is for; never empty. */
  readonly audiences: readonly string[]
}

/** A token of this source that is no good, and why. */
export interface Refused {
  readonly error: string
}

/** Bearer tokens and whom they stand for. */
export interface TokenSource {
  /** undefined: not a token of this source. `audiences`: the token must be for one of them. */
  authenticate(token: string, audiences: readonly string[]): Authenticated | Refused | undefined
}

/** A fixed table of tokens for the API server. Groups get `system:authenticated` added. */
export function tokenTable(entries: Iterable<readonly [token: string, user: UserInfo]>): TokenSource {
  const users = new Map<string, UserInfo>()
  for (const [token, user] of entries) users.set(token, authenticated(user))
  return {
    authenticate(token, wanted) {
      const user = users.get(token)
      const audiences = wanted.filter((audience) => API_AUDIENCES.includes(audience))
      return user && audiences.length > 0 ? { user, audiences } : undefined
    },
  }
}

/** Asks the sources one after the other; the first that knows the token decides. */
export function tokenSources(sources: readonly TokenSource[]): TokenSource {
  return {
    authenticate(token, audiences) {
      for (const source of sources) {
        const found = source.authenticate(token, audiences)
        if (found) return found
      }
      return undefined
    },
  }
}

export function authenticated(user: UserInfo): UserInfo {
  return user.groups.includes(ALL_AUTHENTICATED) ? user : { ...user, groups: [...user.groups, ALL_AUTHENTICATED] }
}

/** The cluster's administrator, whom the admin token and the admin certificate stand for. */
export const ADMIN: UserInfo = { name: 'admin', uid: 'admin', groups: [MASTERS, ALL_AUTHENTICATED] }
