/** Pure: how many pods to create, which to delete, and what the status says. Shared by ReplicaSets and ReplicationControllers. */
import { parseTime } from '../../api/time.ts'
import type { ContainerStatus, Pod } from '../../api/types/core-v1.gen.ts'
import { isActive, isAvailable, isReady, isTerminating, readySince } from '../pod-state.ts'

/** Pods created or deleted in one go. */
const BURST_REPLICAS_MAX = 500

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

export interface ReplicaPlan {
  readonly create: number
  /** First to be deleted first. */
  readonly delete: readonly Pod[]
}

export interface ReplicaState {
  readonly desired: number
  /** All pods that the owner controls, also terminal and terminating ones. */
  readonly pods: readonly Pod[]
  /** Pods of the owner and of its siblings (ReplicaSets of one Deployment): how crowded a node is with them. Asked only when pods go. */
  related(): readonly Pod[]
  /** ms since 1970. */
  readonly now: number
}

/** A pod marked for deletion does not count: its replacement is created at once. */
export function planReplicas({ desired, pods, related, now }: ReplicaState): ReplicaPlan {
  const active = pods.filter(isActive)
  const missing = desired - active.length
  if (missing >= 0) return { create: Math.min(missing, BURST_REPLICAS_MAX), delete: [] }
  const count = Math.min(-missing, BURST_REPLICAS_MAX)
  return { create: 0, delete: rankForDeletion(active, related(), now).slice(0, count) }
}

/**
 * The order in which pods are given up on scale-down: unassigned before assigned, Pending before Unknown before Running, not ready before
 * ready, lower deletion cost first, more relatives on the node first, ready for a shorter time first, more restarts first, younger
 * first. Times are compared by their logarithm, so that pods of about one age are chosen by uid, at random.
 */
export function rankForDeletion(pods: readonly Pod[], related: readonly Pod[], now: number): Pod[] {
  const crowd = new Map<string, number>()
  for (const pod of related) {
    const node = pod.spec.nodeName
    if (node && isActive(pod)) crowd.set(node, (crowd.get(node) ?? 0) + 1)
  }
  const ranked = pods.map((pod) => ({ pod, rank: ranksOf(pod, crowd) }))
  ranked.sort((a, b) => compareRanks(a.rank, b.rank) || compareAges(a.pod, b.pod, now))
  return ranked.map(({ pod }) => pod)
}

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

function ranksOf(pod: Pod, crowd: ReadonlyMap<string, number>): readonly number[] {
  const cost = Number.parseInt(pod.metadata.annotations?.[DELETION_COST] ?? '0', 10)
  return [
    pod.spec.nodeName ? 1 : 0,
    PHASE_RANK[pod.status?.phase ?? 'Pending'] ?? 0,
    isReady(pod) ? 1 : 0,
    Number.isNaN(cost) ? 0 : cost,
    -(crowd.get(pod.spec.nodeName ?? '') ?? 0),
  ]
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function compareAges(a: Pod, b: Pod, now: number): number {
  const bothReady = isReady(a) && isReady(b)
  return (
    (bothReady ? compareTimes([a, readySince(a)], [b, readySince(b)], now) : 0) ||
    compareRanks(restartsOf(a), restartsOf(b)) ||
    compareTimes([a, createdAt(a)], [b, createdAt(b)], now) ||
    compareUids(a, b)
  )
}

function createdAt(pod: Pod): number | undefined {
  return pod.metadata.creationTimestamp ? parseTime(pod.metadata.creationTimestamp) : undefined
}

type At = readonly [pod: Pod, time: number | undefined]

/** Younger first, a time that is missing being the youngest; ages of one power of two (in ns) by uid; 0 when they are the same. */
function compareTimes([a, timeA]: At, [b, timeB]: At, now: number): number {
  if (timeA === timeB) return 0
  if (timeA === undefined || timeB === undefined) return timeA === undefined ? -1 : 1
  const power = (at: number) => (at >= now ? -1 : Math.floor(Math.log2((now - at) * 1e6)))
  return power(timeA) - power(timeB) || compareUids(a, b)
}

function compareUids(a: Pod, b: Pod): number {
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1
}

/** More first: those of the containers, then those of the sidecars. */
function restartsOf({ spec, status }: Pod): readonly number[] {
  const sidecars = new Set(
    (spec.initContainers ?? []).filter((each) => each.restartPolicy === 'Always').map((each) => each.name),
  )
  const most = (statuses: readonly ContainerStatus[] = []) => -Math.max(0, ...statuses.map((each) => each.restartCount))
  const ofSidecars = status?.initContainerStatuses?.filter((each) => sidecars.has(each.name))
  return [most(status?.containerStatuses), most(ofSidecars)]
}

export interface ReplicaStatus {
  readonly replicas: number
  readonly fullyLabeledReplicas: number
  readonly readyReplicas: number
  readonly availableReplicas: number
  readonly terminatingReplicas: number
}

export interface StatusInput {
  readonly pods: readonly Pod[]
  readonly templateLabels: Readonly<Record<string, string>>
  readonly minReadySeconds: number
  readonly now: number
}

export function replicaStatus({ pods, templateLabels, minReadySeconds, now }: StatusInput): ReplicaStatus {
  const active = pods.filter(isActive)
  const labels = Object.entries(templateLabels)
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => labels.every(([k, v]) => pod.metadata.labels?.[k] === v)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    terminatingReplicas: pods.filter(isTerminating).length,
  }
}

/** In how many ms the next ready pod becomes available; undefined when none is waiting for that. */
export function nextAvailableIn({
  pods,
  minReadySeconds,
  now,
}: Omit<StatusInput, 'templateLabels'>): number | undefined {
  if (minReadySeconds === 0) return undefined
  let next: number | undefined
  for (const pod of pods) {
    if (!isActive(pod) || !isReady(pod) || isAvailable(pod, minReadySeconds, now)) continue
    const wait = (readySince(pod) ?? now) + minReadySeconds * 1000 - now
    if (next === undefined || wait < next) next = wait
  }
  return next
}
