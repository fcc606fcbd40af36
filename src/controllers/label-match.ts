import type { LabelSelector, LabelSelectorRequirement } from '../api/types/meta-v1.gen.ts'

type Labels = Readonly<Record<string, string>> | undefined

/** Whether labels satisfy a LabelSelector. As in Kubernetes, none selects nothing and an empty one everything. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false
  return (
    mapMatches(selector.matchLabels ?? {}, labels) &&
    (selector.matchExpressions ?? []).every((requirement) => requirementMatches(requirement, labels))
  )
}

/** Whether labels contain all pairs of a map selector (Service, ReplicationController). */
export function mapMatches(selector: Readonly<Record<string, string>>, labels: Labels): boolean {
  for (const [name, value] of Object.entries(selector)) if (labels?.[name] !== value) return false
  return true
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return (
    !selector ||
    (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0)
  )
}

function requirementMatches({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels?.[key]
  if (operator === 'In') return value !== undefined && values.includes(value)
  if (operator === 'NotIn') return value === undefined || !values.includes(value)
  if (operator === 'Exists') return value !== undefined
  return operator === 'DoesNotExist' && value === undefined
}
