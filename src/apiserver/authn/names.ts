/** Names and groups that the API server itself gives a meaning. Source: docs, "Authenticating". */
import { labelNameErrors, subdomainErrors } from '../../api/names.ts'

export const ANONYMOUS_NAME = 'system:anonymous'
export const ALL_AUTHENTICATED = 'system:authenticated'
export const ALL_UNAUTHENTICATED = 'system:unauthenticated'
export const MASTERS = 'system:masters'
export const NODES = 'system:nodes'

const ACCOUNT_PREFIX = 'system:serviceaccount:'
const NODE_PREFIX = 'system:node:'

/** undefined: an ordinary user, also where it only looks like an account. */
export function accountOf(username: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!username.startsWith(ACCOUNT_PREFIX)) return undefined
  const [namespace = '', name = '', more] = username.slice(ACCOUNT_PREFIX.length).split(':')
  if (more !== undefined || labelNameErrors(namespace).length > 0 || subdomainErrors(name).length > 0) return undefined
  return { namespace, name }
}

export const accountName = (namespace: string, name: string) => `${ACCOUNT_PREFIX}${namespace}:${name}`
export const accountGroups = (namespace: string) => ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]

export const nodeUserName = (node: string) => NODE_PREFIX + node

/** The node's name in that of a user; undefined: none. */
export function nodeOfName(username: string): string | undefined {
  const name = username.startsWith(NODE_PREFIX) ? username.slice(NODE_PREFIX.length) : ''
  return name !== '' && subdomainErrors(name).length === 0 ? name : undefined
}
