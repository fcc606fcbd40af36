/** What the controllers ask of a pod. Sources: pkg/api/v1/pod of Kubernetes, API fields PodStatus. */
import { conditionOf, isConditionTrue } from '../api/conditions.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { parseTime } from '../api/time.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'

export function isReady(pod: Pod): boolean {
  return isConditionTrue(pod.status, 'Ready')
}

/** When the pod became ready, in ms since 1970; undefined while it is not. */
export function readySince(pod: Pod): number | undefined {
  const condition = conditionOf(pod.status, 'Ready')
  if (condition?.status !== 'True') return undefined
  return condition.lastTransitionTime ? parseTime(condition.lastTransitionTime) : undefined
}

/** Ready for `minReadySeconds`. Without a minimum, ready is enough. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isReady(pod)) return false
  if (minReadySeconds === 0) return true
  const since = readySince(pod)
  return since !== undefined && since + minReadySeconds * 1000 <= now
}

/** Succeeded or Failed: it has run and will not run again. */
export function isTerminal(pod: Pod): boolean {
  return isTerminalPhase(pod.status?.phase)
}

/** Counts as a replica: neither over nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined
}

/** Marked for deletion, and its containers have not all ended. */
export function isTerminating(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined
}
