import type { UserInfo } from '../../wire/exchange.ts'
import { ALL_AUTHENTICATED, MASTERS } from './names.ts'

/** Bearer tokens and whom they stand for. Tokens of service accounts come from another source with the same shape. */
export interface TokenSource {
  /** undefined: not a token of this source. */
  user(token: string): UserInfo | undefined | Promise<UserInfo | undefined>
}

/** A fixed table. Groups get `system:authenticated` added. */
export function tokenTable(entries: Iterable<readonly [token: string, user: UserInfo]>): TokenSource {
  const users = new Map<string, UserInfo>()
  for (const [token, user] of entries) users.set(token, authenticated(user))
  return { user: (token) => users.get(token) }
}

/** Asks the sources one after the other; waits only for those that have to. */
export function tokenSources(sources: readonly TokenSource[]): TokenSource {
  const ask = (token: string, from: number): UserInfo | undefined | Promise<UserInfo | undefined> => {
    for (let i = from; i < sources.length; i++) {
      const user = sources[i]?.user(token)
      if (user instanceof Promise) return user.then((found) => found ?? ask(token, i + 1))
      if (user) return user
    }
    return undefined
  }
  return { user: (token) => ask(token, 0) }
}

export function authenticated(user: UserInfo): UserInfo {
  return user.groups.includes(ALL_AUTHENTICATED) ? user : { ...user, groups: [...user.groups, ALL_AUTHENTICATED] }
}

/** The cluster's administrator, whom the admin token and the admin certificate stand for. */
export const ADMIN: UserInfo = { name: 'admin', uid: 'admin', groups: [MASTERS, ALL_AUTHENTICATED] }
