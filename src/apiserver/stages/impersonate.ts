import { badRequest, failure } from '../../api/status.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { ALL_AUTHENTICATED } from '../authn/tokens.ts'
import { type Authorizer, decide } from '../authz/authorizer.ts'
import type { Stage } from '../exchange.ts'

const EXTRA_PREFIX = 'impersonate-extra-'

/** Impersonate-User, -Group, -Uid, -Extra-*: administrators may ask as somebody else, to see what that user may do. */
export function impersonate(authorizers: readonly Authorizer[]): Stage {
  return (exchange) => {
    const { headers } = exchange.request
    const name = headers['impersonate-user']
    const groups = (headers['impersonate-group'] ?? '')
      .split(',')
      .map((group) => group.trim())
      .filter(Boolean)
    if (name === undefined && groups.length === 0 && headers['impersonate-uid'] === undefined) return undefined
    if (!name) throw badRequest(`requested ${goUser(groups)} without impersonating a user name`)
    const target = { ...exchange.info, isResource: true, verb: 'impersonate', group: '', resource: 'users', name }
    if (!decide(authorizers, exchange.user, target).allowed) {
      const who = JSON.stringify(exchange.user.name)
      const { resource } = exchange.info
      throw failure(
        403,
        'Forbidden',
        `${resource || 'users'} is forbidden: User ${who} cannot impersonate-on:user-info:${exchange.info.verb} resource "${resource || 'users'}" in API group "${exchange.info.group}" at the cluster scope`,
        { kind: resource || 'users' },
      )
    }
    exchange.user = impersonated(name, groups, headers)
    return undefined
  }
}

function goUser(groups: readonly string[]): string {
  const list = `[]string{${groups.map((group) => JSON.stringify(group)).join(', ')}}`
  return `&user.DefaultInfo{Name:"", UID:"", Groups:${list}, Extra:map[string][]string(nil)}`
}

function impersonated(name: string, groups: readonly string[], headers: Readonly<Record<string, string>>): UserInfo {
  const uid = headers['impersonate-uid']
  const extra: Record<string, string[]> = {}
  for (const header in headers)
    if (header.startsWith(EXTRA_PREFIX)) extra[header.slice(EXTRA_PREFIX.length)] = [headers[header] ?? '']
  return {
    name,
    ...(uid ? { uid } : {}),
    groups: groupsOf(name, groups),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

function groupsOf(name: string, groups: readonly string[]): string[] {
  if (name === 'system:anonymous') return groups.length > 0 ? [...groups] : ['system:unauthenticated']
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name)
  const own =
    groups.length === 0 && account ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : groups
  return own.includes(ALL_AUTHENTICATED) ? [...own] : [...own, ALL_AUTHENTICATED]
}
