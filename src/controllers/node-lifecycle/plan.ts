/** Pure: what the control plane concludes about a node: conditions of one that is silent, taints, and pods that must leave. */
import { conditionOf } from '../../api/conditions.ts'
import { parseTime } from '../../api/time.ts'
import { tolerates, untolerated } from '../../api/toleration.ts'
import type { Node, NodeCondition, Pod, Taint } from '../../api/types/core-v1.gen.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'

/** Taints that a condition brings with it, NoSchedule. */
const CONDITION_TAINTS: readonly { readonly type: string; readonly status: string; readonly key: string }[] = [
  { type: 'Ready', status: 'False', key: NOT_READY },
  { type: 'Ready', status: 'Unknown', key: UNREACHABLE },
  { type: 'MemoryPressure', status: 'True', key: 'node.kubernetes.io/memory-pressure' },
  { type: 'DiskPressure', status: 'True', key: 'node.kubernetes.io/disk-pressure' },
  { type: 'PIDPressure', status: 'True', key: 'node.kubernetes.io/pid-pressure' },
  { type: 'NetworkUnavailable', status: 'True', key: 'node.kubernetes.io/network-unavailable' },
]

const OURS: ReadonlySet<string> = new Set([...CONDITION_TAINTS.map(({ key }) => key), UNSCHEDULABLE])

export function readyStatus(node: Node): 'True' | 'False' | 'Unknown' | undefined {
  const status = conditionOf(node.status, 'Ready')?.status
  return status === 'True' || status === 'False' || status === 'Unknown' ? status : undefined
}

/** The conditions of a node that has not been heard of for too long: all Unknown. `now` in RFC 3339. */
export function silentConditions(node: Node, now: string): readonly NodeCondition[] {
  const old = node.status?.conditions ?? []
  const result = old.map((condition) =>
    SILENCED.includes(condition.type) && condition.status !== 'Unknown'
      ? {
          ...condition,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: now,
        }
      : condition,
  )
  for (const type of SILENCED) {
    if (old.some((condition) => condition.type === type)) continue
    result.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
      lastTransitionTime: now,
    })
  }
  return result
}

const SILENCED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

/**
 * The taints the node should have, or undefined when it has them. Others' taints are left alone. `now` in RFC 3339. Without
 * `expels` no taint drives pods away: when no node at all is ready it is rather we who are cut off.
 */
export function wantedTaints(
  node: Node,
  { now, expels }: { readonly now: string; readonly expels: boolean },
): readonly Taint[] | undefined {
  const present = node.spec?.taints ?? []
  const wanted: Taint[] = present.filter((taint) => !OURS.has(taint.key))
  const want = (taint: Taint) => {
    const same = (each: Taint) => each.key === taint.key && each.effect === taint.effect
    if (!wanted.some(same)) wanted.push(present.find(same) ?? { ...taint, timeAdded: now })
  }
  for (const condition of node.status?.conditions ?? []) {
    for (const { type, status, key } of CONDITION_TAINTS) {
      if (condition.type !== type || condition.status !== status) continue
      want({ key, effect: 'NoSchedule' })
      if (type === 'Ready' && expels) want({ key, effect: 'NoExecute' })
    }
  }
  // A node that has not said anything yet keeps the taint it came with.
  if (readyStatus(node) === undefined)
    for (const taint of present) if (taint.key === NOT_READY || taint.key === UNREACHABLE) want(taint)
  if (node.spec?.unschedulable) want({ key: UNSCHEDULABLE, effect: 'NoSchedule' })
  const same =
    wanted.length === present.length &&
    wanted.every((taint) => present.some((each) => each.key === taint.key && each.effect === taint.effect))
  return same ? undefined : wanted
}

/** When the pod has to leave its node because of NoExecute taints, in ms since 1970; undefined: never. */
export function evictionTime(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  const expelling = taints.filter((taint) => taint.effect === 'NoExecute')
  if (expelling.length === 0) return undefined
  const tolerations = pod.spec.tolerations ?? []
  if (untolerated(expelling, tolerations, ['NoExecute'])) return now
  let due: number | undefined
  for (const taint of expelling) {
    // Of several that tolerate a taint the first counts.
    const seconds = tolerations.find((toleration) => tolerates(toleration, taint))?.tolerationSeconds
    if (seconds === undefined) continue
    const end = (parseTime(taint.timeAdded ?? '') ?? now) + Math.max(0, seconds) * 1000
    if (due === undefined || end < due) due = end
  }
  return due
}
