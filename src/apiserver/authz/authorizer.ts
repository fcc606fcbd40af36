import type { UserInfo } from '../../wire/exchange.ts'
import { MASTERS } from '../authn/tokens.ts'

/** What is asked for: a verb on a resource, or on a path that is none. */
export interface Attributes {
  readonly isResource: boolean
  readonly verb: string
  readonly path: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

export interface Decision {
  readonly allowed: boolean
  /** Why, for access reviews. */
  readonly reason?: string
}

/** Decides one request. undefined: no opinion; when nobody has one the answer is no. */
export interface Authorizer {
  authorize(user: UserInfo, attributes: Attributes): Decision | undefined
  /** All that the user may do in a namespace, for `auth can-i --list`. */
  rules?(user: UserInfo, namespace: string): readonly Rule[]
}

/** A PolicyRule of rbac.authorization.k8s.io/v1. */
export interface Rule {
  readonly verbs?: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/** The first opinion counts. */
export function decide(authorizers: readonly Authorizer[], user: UserInfo, attributes: Attributes): Decision {
  for (const authorizer of authorizers) {
    const decision = authorizer.authorize(user, attributes)
    if (decision) return decision
  }
  return { allowed: false }
}

/** Everybody may ask these. */
const PUBLIC_PATHS = ['/healthz', '/livez', '/readyz', '/version']

/** Who is logged in may look around, and ask what it may do. */
const DISCOVERY_PATHS = ['/api', '/apis', '/openapi']
const SELF_REVIEWS = ['selfsubjectreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews']

const YES: Decision = { allowed: true }

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
  authorize(user, attributes) {
    if (isComponent(user)) return YES
    const { verb, path } = attributes
    const known = user.groups.includes('system:authenticated')
    if (attributes.isResource) {
      const asksItself = verb === 'create' && SELF_REVIEWS.includes(attributes.resource)
      return known && asksItself ? YES : undefined
    }
    const read = verb === 'get' || verb === 'head'
    if (read && within(path, PUBLIC_PATHS)) return YES
    return read && known && within(path, DISCOVERY_PATHS) ? YES : undefined
  },
  rules(user) {
    const paths = (verbs: string[], roots: readonly string[]) => ({
      verbs,
      nonResourceURLs: roots.flatMap((root) => [root, `${root}/*`]),
    })
    if (isComponent(user))
      return [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    const asks = (group: string, resources: readonly string[]) => ({ verbs: ['create'], apiGroups: [group], resources })
    return [
      ...(user.groups.includes('system:authenticated')
        ? [
            asks('authentication.k8s.io', SELF_REVIEWS.slice(0, 1)),
            asks('authorization.k8s.io', SELF_REVIEWS.slice(1)),
            paths(['get'], DISCOVERY_PATHS),
          ]
        : []),
      paths(['get'], PUBLIC_PATHS),
    ]
  },
}
