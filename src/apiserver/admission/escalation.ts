/**
 * Nobody gives what he does not have: a role may hold, and a binding hand out, only what its writer may do himself in that
 * place, unless he has the verbs `escalate` or `bind`. Source: docs, "Using RBAC Authorization", privilege escalation.
 */
import { jsonEqual } from '../../api/json-equal.ts'
import type { KubernetesObject } from '../../api/object.ts'
import { forbidden, notFound } from '../../api/status.ts'
import type { AdmissionAttributes } from '../../registry/admission-port.ts'
import { MASTERS } from '../authn/names.ts'
import { type Attributes, type Authorizer, decide, NOTHING, type Rule } from '../authz/authorizer.ts'
import type { Policy, RoleRef } from '../authz/policy.ts'
import { heldRules } from '../authz/rbac.ts'
import { missingRules, quoted, ruleText } from '../authz/rules.ts'

const GROUP = 'rbac.authorization.k8s.io'
const EVERYTHING: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

interface RoleLike extends KubernetesObject {
  readonly rules?: readonly Rule[] | null
  readonly aggregationRule?: unknown
}

export interface Powers {
  readonly authorizers: readonly Authorizer[]
  readonly policy: Policy
}

/** Throws 403 for a role or binding that gives more than its writer has. */
export function refuseEscalation(powers: Powers, at: AdmissionAttributes, object: KubernetesObject): void {
  const { group, resource } = at.resource.groupResource
  if (group !== GROUP || at.user.groups.includes(MASTERS)) return
  if (at.old && onlyCollectorFields(at.old, object)) return
  if (resource === 'roles' || resource === 'clusterroles') refuseRole(powers, at, object)
  else refuseBinding(powers, at, object as KubernetesObject & { roleRef?: RoleRef })
}

/** What the garbage collector changes of dependents. */
function onlyCollectorFields(old: KubernetesObject, object: KubernetesObject): boolean {
  const rest = ({ metadata, ...more }: KubernetesObject) => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, resourceVersion: ____, ...own } = metadata
    return { ...more, metadata: own }
  }
  return jsonEqual(rest(old), rest(object))
}

function refuseRole(powers: Powers, at: AdmissionAttributes, role: RoleLike): void {
  const old = at.old as RoleLike | undefined
  const { resource } = at.resource.groupResource
  // What is created has no name yet that could be allowed by itself.
  const name = old ? at.name : ''
  if (allows(powers, at, { verb: 'escalate', resource, name })) return
  const aggregates = role.aggregationRule !== undefined || old?.aggregationRule !== undefined
  if (aggregates && !jsonEqual(role.aggregationRule ?? null, old?.aggregationRule ?? null))
    refuseMissing(powers, at, role, EVERYTHING)
  if (old && jsonEqual(role.rules ?? [], old.rules ?? [])) return
  refuseMissing(powers, at, role, role.rules ?? [])
}

function refuseBinding(
  powers: Powers,
  at: AdmissionAttributes,
  binding: KubernetesObject & { readonly roleRef?: RoleRef },
): void {
  const { roleRef } = binding
  // Validation says what is wrong with it.
  if (!roleRef?.name || (roleRef.kind !== 'ClusterRole' && roleRef.kind !== 'Role')) return
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (allows(powers, at, { verb: 'bind', resource, name: roleRef.name })) return
  const rules = powers.policy.rulesOf(roleRef, at.namespace)
  if (!rules) throw notFound({ group: GROUP, resource: resource.slice(0, -1) }, roleRef.name)
  refuseMissing(powers, at, binding, rules)
}

function allows(
  { authorizers }: Powers,
  { user, namespace }: AdmissionAttributes,
  asked: Pick<Attributes, 'verb' | 'resource' | 'name'>,
): boolean {
  return decide(authorizers, user, { ...NOTHING, group: GROUP, namespace, ...asked }).allowed
}

function refuseMissing(
  { policy }: Powers,
  { user, namespace, resource, name }: AdmissionAttributes,
  object: KubernetesObject,
  wanted: readonly Rule[],
): void {
  const missing = missingRules(heldRules(policy, user, namespace), wanted)
  if (missing.length === 0) return
  const lines = [...new Set(missing.map(ruleText))].sort()
  const who = `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)})`
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`
  throw forbidden(resource.groupResource, object.metadata?.name || name, why)
}
