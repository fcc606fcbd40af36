import type { UserInfo } from '../../wire/exchange.ts'
import { MASTERS } from '../authn/tokens.ts'
import type { RequestInfo } from '../request-info.ts'

/** Decides one request. undefined: no opinion; when nobody has one the answer is no. */
export interface Authorizer {
  allows(user: UserInfo, info: RequestInfo): boolean | undefined
}

/** Everybody may ask these. */
const PUBLIC_PATHS = ['/healthz', '/livez', '/readyz', '/version']

/** Who is logged in may look around. */
const DISCOVERY_PATHS = ['/api', '/apis', '/openapi']

const within = (path: string, roots: readonly string[]) =>
  roots.some((root) => path === root || path.startsWith(`${root}/`))

/** ebb's own parts may do everything: they are the cluster. Nodes too, until there are rules for them. */
function isComponent(user: UserInfo): boolean {
  return (
    user.groups.includes(MASTERS) ||
    user.groups.includes('system:nodes') ||
    user.name.startsWith('system:kube-') ||
    user.name.startsWith('system:ebb:')
  )
}

/** Administrators and components everything, anybody health and version, everybody logged in discovery. */
export const builtInRules: Authorizer = {
  allows(user, info) {
    if (isComponent(user)) return true
    if (info.isResource) return undefined
    const read = info.verb === 'get' || info.verb === 'head'
    if (read && within(info.path, PUBLIC_PATHS)) return true
    return read && user.groups.includes('system:authenticated') && within(info.path, DISCOVERY_PATHS) ? true : undefined
  },
}
