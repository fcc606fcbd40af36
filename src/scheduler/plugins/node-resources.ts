import type { FilterPlugin, ScorePlugin } from '../plugin.ts'
import { requestsOf } from '../requests.ts'
import type { NodeInfo } from '../snapshot.ts'

/** What a pod counts as for scoring when it asks for nothing: otherwise all such pods would go on one node. */
const DEFAULT_REQUESTS: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 1024 * 1024 }

/** Requests against what is allocatable; prefers the node with most left. */
export const nodeResources: FilterPlugin & ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  filter(pod, { allocatable, requested, pods }) {
    const reasons: string[] = []
    let preemptable = true
    const podsMax = allocatable.get('pods') ?? 0
    if (pods.size + 1 > podsMax) reasons.push('Too many pods')
    for (const [name, amount] of requestsOf(pod)) {
      const total = allocatable.get(name) ?? 0
      if (amount === 0 || amount <= total - (requested.get(name) ?? 0)) continue
      reasons.push(`Insufficient ${name}`)
      if (amount > total) preemptable = false
    }
    return reasons.length > 0 ? { reasons, preemptable } : undefined
  },
  score(pod, nodes) {
    return nodes.map((node) => {
      const shares = Object.entries(DEFAULT_REQUESTS).map(([name, fallback]) => {
        const total = node.allocatable.get(name) ?? 0
        if (total === 0) return 0
        const used = usedForScore(node, name, fallback) + (requestsOf(pod).get(name) ?? fallback)
        return used > total ? 0 : (100 * (total - used)) / total
      })
      return shares.reduce((sum, share) => sum + share, 0) / shares.length
    })
  },
}

function usedForScore({ pods }: NodeInfo, name: string, fallback: number): number {
  let used = 0
  for (const pod of pods.values()) used += requestsOf(pod).get(name) ?? fallback
  return used
}
