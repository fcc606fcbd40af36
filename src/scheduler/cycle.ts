/** Pure: chooses a node for a pod, or says why there is none. */
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { Random } from '../base/random.ts'
import type { FilterPlugin, Rejection, ScorePlugin } from './plugin.ts'
import { nodeAffinity } from './plugins/node-affinity.ts'
import { nodePorts } from './plugins/node-ports.ts'
import { nodeResources } from './plugins/node-resources.ts'
import { nodeUnschedulable } from './plugins/node-unschedulable.ts'
import { spreading } from './plugins/spreading.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import type { NodeInfo } from './snapshot.ts'

/** In this order; the first that rejects is the one that is named. */
const FILTERS: readonly FilterPlugin[] = [nodeUnschedulable, taintToleration, nodeAffinity, nodePorts, nodeResources]
const SCORES: readonly ScorePlugin[] = [taintToleration, nodeAffinity, nodeResources, spreading]

/** What each node that refused a pod says, by its name. */
export type Refusals = ReadonlyMap<string, string>

export type Choice = { readonly node: string } | { readonly message: string; readonly refusals: Refusals }

export function chooseNode(pod: Pod, nodes: readonly NodeInfo[], random: Random): Choice {
  if (nodes.length === 0) return { message: 'no nodes available to schedule pods', refusals: new Map() }
  const fitting: NodeInfo[] = []
  const rejections: Rejection[] = []
  const refusals = new Map<string, string>()
  for (const node of nodes) {
    const rejection = reject(pod, node)
    if (rejection) {
      rejections.push(rejection)
      refusals.set(node.name, explain(pod, [rejection]))
    } else fitting.push(node)
  }
  if (fitting.length === 0) return { message: explain(pod, rejections), refusals }
  return { node: best(pod, fitting, random).name }
}

/** What the node says to the pod now; undefined: welcome. */
export function refusal(pod: Pod, node: NodeInfo): string | undefined {
  const rejection = reject(pod, node)
  return rejection && explain(pod, [rejection])
}

function reject(pod: Pod, node: NodeInfo): Rejection | undefined {
  for (const plugin of FILTERS) {
    const rejection = plugin.filter(pod, node)
    if (rejection) return rejection
  }
  return undefined
}

/** The highest sum of weighted scores; of several one at random. */
function best(pod: Pod, nodes: readonly NodeInfo[], random: Random): NodeInfo {
  const [only] = nodes
  if (nodes.length === 1 && only) return only
  const totals = nodes.map(() => 0)
  for (const plugin of SCORES)
    plugin.score(pod, nodes).forEach((score, i) => {
      totals[i] = (totals[i] ?? 0) + score * plugin.weight
    })
  const top = Math.max(...totals)
  const winners = nodes.filter((_, i) => totals[i] === top)
  return winners[random.int(winners.length)] as NodeInfo
}

/**
 * Kubernetes' sentence, e.g. `0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes
 * are available: 1 No preemption victims found for incoming pod.`
 */
function explain({ spec }: Pod, rejections: readonly Rejection[]): string {
  const none = `0/${rejections.length} nodes are available: `
  const why = histogram(rejections.flatMap(({ reasons }) => reasons))
  const help = rejections.map(({ preemptable }) =>
    preemptable ? 'No preemption victims found for incoming pod' : 'Preemption is not helpful for scheduling',
  )
  const preemption =
    spec.preemptionPolicy === 'Never' ? 'not eligible due to preemptionPolicy=Never' : `${none}${histogram(help)}`
  return `${none}${why}. no new claims to deallocate, preemption: ${preemption}.`
}

/** `1 a, 2 b`: how often each text comes, sorted as text. */
function histogram(texts: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts]
    .map(([text, count]) => `${count} ${text}`)
    .sort()
    .join(', ')
}
