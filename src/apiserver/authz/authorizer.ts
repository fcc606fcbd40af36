import type { FieldTerm } from '../../api/field-selector.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { MASTERS } from '../authn/names.ts'

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
  /** Of a list or watch; all of them hold for what is answered. */
  readonly fields?: readonly FieldTerm[]
}

/** Nothing is asked for yet: what a request that is made up for a check begins with. */
export const NOTHING: Attributes = {
  isResource: true,
  verb: '',
  path: '',
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
}

export interface Decision {
  readonly allowed: boolean
  /** Why, for access reviews; why not, also for who was refused. */
  readonly reason?: string
}

/** Allows a request or has no opinion (`allowed: false` with a reason, or undefined). When nobody allows it the answer is no. */
export interface Authorizer {
  authorize(user: UserInfo, attributes: Attributes): Decision | undefined
  /** All that the user may do in a namespace, for `auth can-i --list`. undefined: more than can be listed. */
  rules?(user: UserInfo, namespace: string): readonly Rule[] | undefined
}

/** A PolicyRule of rbac.authorization.k8s.io/v1. */
export interface Rule {
  readonly verbs?: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/** The first who allows it decides; else no, with what each has to say. */
export function decide(authorizers: readonly Authorizer[], user: UserInfo, attributes: Attributes): Decision {
  const reasons: string[] = []
  for (const authorizer of authorizers) {
    const decision = authorizer.authorize(user, attributes)
    if (decision?.allowed) return decision
    if (decision?.reason) reasons.push(decision.reason)
  }
  return { allowed: false, ...(reasons.length > 0 ? { reason: reasons.join('\n') } : {}) }
}

const EVERYTHING: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** The group that may do everything, whatever roles say: nobody can lock himself out of his cluster. No name is privileged. */
export const privilegedGroup: Authorizer = {
  authorize: ({ groups }) => (groups.includes(MASTERS) ? { allowed: true } : undefined),
  rules: ({ groups }) => (groups.includes(MASTERS) ? EVERYTHING : []),
}
