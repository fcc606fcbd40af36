/** Roles and bindings of rbac.authorization.k8s.io: they only ever allow. Source: docs, "Using RBAC Authorization". */
import type { UserInfo } from '../../wire/exchange.ts'
import type { Attributes, Authorizer, Decision, Rule } from './authorizer.ts'
import type { Grant, Policy } from './policy.ts'
import { covers } from './rules.ts'

export function rbac(policy: Policy): Authorizer {
  return {
    authorize(user, asked) {
      const missing = new Set<string>()
      const decision =
        allowedBy(policy, policy.clusterGrants(user), { asked, missing }) ??
        (asked.namespace ? allowedBy(policy, policy.grants(user, asked.namespace), { asked, missing }) : undefined)
      if (decision || missing.size === 0) return decision
      const texts = [...missing]
      return { allowed: false, reason: `RBAC: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}` }
    },
    rules: (user, namespace) => heldRules(policy, user, namespace),
  }
}

/** All rules that the user has in a namespace ('': in the whole cluster). */
export function heldRules(policy: Policy, user: UserInfo, namespace: string): readonly Rule[] {
  const rules: Rule[] = []
  for (const { binding } of policy.clusterGrants(user)) rules.push(...rulesOf(policy, binding))
  if (namespace) for (const { binding } of policy.grants(user, namespace)) rules.push(...rulesOf(policy, binding))
  return rules
}

function rulesOf(policy: Policy, binding: Grant['binding']): readonly Rule[] {
  return (binding.roleRef && policy.rulesOf(binding.roleRef, binding.metadata.namespace ?? '')) ?? []
}

/** Roles that are bound and not there are noted in `missing`, in words. */
function allowedBy(
  policy: Policy,
  grants: Iterable<Grant>,
  { asked, missing }: { asked: Attributes; missing: Set<string> },
): Decision | undefined {
  for (const { binding, subject } of grants) {
    const { roleRef, metadata } = binding
    if (!roleRef) continue
    const rules = policy.rulesOf(roleRef, metadata.namespace ?? '')
    if (!rules) missing.add(`${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io "${roleRef.name}" not found`)
    if (!rules?.some((rule) => covers(rule, asked))) continue
    const kind = metadata.namespace ? 'RoleBinding' : 'ClusterRoleBinding'
    const where = metadata.namespace ? `${metadata.name}/${metadata.namespace}` : metadata.name
    const whom = subject.namespace ? `${subject.name}/${subject.namespace}` : subject.name
    const reason = `RBAC: allowed by ${kind} "${where}" of ${roleRef.kind} "${roleRef.name}" to ${subject.kind} "${whom}"`
    return { allowed: true, reason }
  }
  return undefined
}
