import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import type { FilterPlugin, ScorePlugin } from '../plugin.ts'

/** nodeSelector and node affinity. Source: API fields NodeSelector, NodeAffinity. */
export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  filter({ spec }, { node }) {
    const labels = node.metadata.labels ?? {}
    const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => own(labels, key) === value)
    const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
    if (selected && (!terms || terms.some((term) => termMatches(term, node)))) return undefined
    return { reasons: ["node(s) didn't match Pod's node affinity/selector"], preemptable: false }
  },
  score({ spec }, nodes) {
    const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    const raw = nodes.map(({ node }) =>
      preferred.reduce((sum, { preference, weight }) => sum + (termMatches(preference, node) ? weight : 0), 0),
    )
    const max = Math.max(0, ...raw)
    return raw.map((value) => (max === 0 ? 0 : (100 * value) / max))
  },
}

/** All requirements of a term must hold; a term without any matches nothing. */
function termMatches({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  return (
    matchExpressions.every((requirement) => holds(requirement, own(labels, requirement.key))) &&
    matchFields.every((requirement) => requirement.key === 'metadata.name' && holds(requirement, node.metadata.name))
  )
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return compares(operator, value, values[0])
  }
}

function compares(operator: string, value: string | undefined, bound: string | undefined): boolean {
  const left = Number.parseInt(value ?? '', 10)
  const right = Number.parseInt(bound ?? '', 10)
  if (Number.isNaN(left) || Number.isNaN(right)) return false
  return operator === 'Gt' ? left > right : operator === 'Lt' && left < right
}
