/** The rules of a ClusterRole that gathers those of others. Pure. Source: docs, "Aggregated ClusterRoles". */
import { jsonEqual } from '../../api/json-equal.ts'
import { labelSelector } from '../../api/selector.ts'
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.gen.ts'

/** Those of the roles that each of the selectors matches, by name; each rule once. undefined: it gathers nothing by itself. */
export function gatheredRules(role: ClusterRole, all: readonly ClusterRole[]): readonly PolicyRule[] | undefined {
  if (!role.aggregationRule) return undefined
  const byName = [...all].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  const gathered: PolicyRule[] = []
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const wanted = labelSelector(selector)
    for (const other of byName) {
      if (other.metadata.name === role.metadata.name || !wanted.matches(other.metadata.labels)) continue
      for (const rule of other.rules ?? []) if (!gathered.some((known) => jsonEqual(known, rule))) gathered.push(rule)
    }
  }
  return gathered
}
