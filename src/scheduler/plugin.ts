/** The shape of a scheduling rule. Each is pure and has a file in `plugins/`. */
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { NodeInfo } from './snapshot.ts'

/** Why a pod does not go on a node. */
export interface Rejection {
  /** As it is counted in messages, e.g. `Insufficient cpu`. */
  readonly reasons: readonly string[]
  /** Whether ending other pods could help. */
  readonly preemptable: boolean
}

export interface FilterPlugin {
  readonly name: string
  /** undefined: fits. */
  filter(pod: Pod, node: NodeInfo): Rejection | undefined
}

export interface ScorePlugin {
  readonly name: string
  readonly weight: number
  /** For each node a number; higher is better, 0 to 100. `nodes` are those that passed all filters. */
  score(pod: Pod, nodes: readonly NodeInfo[]): readonly number[]
}

/** Scales raw numbers to 0..100, where a higher raw number is worse. All the same: 100 each. */
export function fewerIsBetter(raw: readonly number[]): readonly number[] {
  const max = Math.max(0, ...raw)
  return raw.map((value) => (max === 0 ? 100 : (100 * (max - value)) / max))
}
