/**
 * Pure: which ReplicaSet gets how many replicas next. One step at a time: the loop calls again when the ReplicaSets' status
 * shows what became of the step before.
 *
 *   3 replicas, maxSurge 1, maxUnavailable 0, new template:
 *   old 3 new 0 -> new 1; (new ready) -> old 2; -> new 2; (ready) -> old 1; -> new 3; (ready) -> old 0
 */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { isTerminal } from '../pod-state.ts'
import { boundsOf, byAge, isRolling, replicasOf, sumReplicas, sumStatus } from './bounds.ts'
import { desiredAnnotation, maxAnnotation } from './revision.ts'

export interface Scale {
  readonly set: ReplicaSet
  readonly replicas: number
}

export interface Sets {
  readonly newSet: ReplicaSet | undefined
  readonly oldSets: readonly ReplicaSet[]
}

function all({ newSet, oldSets }: Sets): readonly ReplicaSet[] {
  return newSet ? [...oldSets, newSet] : oldSets
}

/** Replicas that the new ReplicaSet is to have at its creation or next growth. */
export function newSetReplicas(deployment: Deployment, sets: Sets): number {
  const { desired, maxSurge } = boundsOf(deployment)
  if (!isRolling(deployment.spec)) return desired
  const present = sets.newSet ? replicasOf(sets.newSet) : 0
  const room = desired + maxSurge - sumReplicas(all(sets))
  return room <= 0 ? present : present + Math.min(room, desired - present)
}

/** The next step of a rolling update; none when it has to wait, or is through. */
export function planRolling(deployment: Deployment, sets: Sets): readonly Scale[] {
  const { newSet, oldSets } = sets
  const desired = deployment.spec.replicas ?? 1
  if (newSet && replicasOf(newSet) !== desired) {
    const replicas = replicasOf(newSet) > desired ? desired : newSetReplicas(deployment, sets)
    if (replicas !== replicasOf(newSet)) return [{ set: newSet, replicas }]
  }
  if (!newSet || sumReplicas(oldSets) === 0) return []
  return scaleDownOld(deployment, newSet, oldSets)
}

/** Unhealthy old pods go first, they are no loss; then as many healthy ones as may be missing. */
function scaleDownOld(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): readonly Scale[] {
  const { desired, maxUnavailable } = boundsOf(deployment)
  const minAvailable = desired - maxUnavailable
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0)
  const total = sumReplicas(oldSets) + replicasOf(newSet)
  let budget = total - minAvailable - newUnavailable
  if (budget <= 0) return []
  const oldest = oldSets.filter((set) => replicasOf(set) > 0).sort(byAge)
  const sizes = new Map(oldest.map((set) => [set, replicasOf(set)]))
  for (const set of oldest) {
    const unhealthy = Math.max(0, replicasOf(set) - (set.status?.availableReplicas ?? 0))
    const drop = Math.min(budget, unhealthy)
    sizes.set(set, replicasOf(set) - drop)
    budget -= drop
  }
  let spare = sumStatus([...oldSets, newSet], 'availableReplicas') - minAvailable
  for (const set of oldest) {
    const size = sizes.get(set) ?? 0
    const drop = Math.min(Math.max(0, spare), size)
    sizes.set(set, size - drop)
    spare -= drop
  }
  return oldest
    .map((set) => ({ set, replicas: sizes.get(set) ?? 0 }))
    .filter(({ set, replicas }) => replicas !== replicasOf(set))
}

export type RecreateStep =
  | { readonly step: 'scale'; readonly scales: readonly Scale[] }
  /** Old pods have not all ended yet. */
  | { readonly step: 'wait' }
  /** The new ReplicaSet may be made and filled. */
  | { readonly step: 'fill' }

/** `podsOf` gives all pods a ReplicaSet controls, also those that are terminating. */
export function planRecreate({ oldSets }: Sets, podsOf: (set: ReplicaSet) => readonly Pod[]): RecreateStep {
  const scales = oldSets.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }))
  if (scales.length > 0) return { step: 'scale', scales }
  const running =
    sumStatus(oldSets, 'replicas') > 0 || oldSets.some((set) => podsOf(set).some((pod) => !isTerminal(pod)))
  return { step: running ? 'wait' : 'fill' }
}

/** Whether the Deployment was scaled since its ReplicaSets were: then they are scaled in proportion before a rollout goes on. */
export function isScalingEvent(deployment: Deployment, sets: Sets): boolean {
  return all(sets).some((set) => {
    const desired = desiredAnnotation(set)
    return replicasOf(set) > 0 && desired !== undefined && desired !== (deployment.spec.replicas ?? 1)
  })
}

/** Brings the ReplicaSets of a paused or scaled Deployment to its size. */
export function planScaling(deployment: Deployment, sets: Sets): readonly Scale[] {
  const { desired, maxSurge } = boundsOf(deployment)
  const active = all(sets).filter((set) => replicasOf(set) > 0)
  const single = active.length > 1 ? undefined : (active[0] ?? sets.newSet ?? [...sets.oldSets].sort(byAge).at(-1))
  if (active.length <= 1) return single && replicasOf(single) !== desired ? [{ set: single, replicas: desired }] : []
  if (sets.newSet && isSaturated(deployment, sets.newSet))
    return active.filter((set) => set !== sets.newSet).map((set) => ({ set, replicas: 0 }))
  if (!isRolling(deployment.spec)) return []
  const allowed = desired > 0 ? desired + maxSurge : 0
  return proportional(deployment, active, allowed - sumReplicas(active))
}

/** All its pods are there and available: the rollout is through, only old ones are left. */
function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const desired = deployment.spec.replicas ?? 1
  return (
    replicasOf(set) === desired &&
    desiredAnnotation(set) === desired &&
    (set.status?.availableReplicas ?? 0) === desired
  )
}

/** Spreads `toAdd` (negative: to remove) over the ReplicaSets by their size; what rounding leaves goes to the largest. */
function proportional(deployment: Deployment, active: readonly ReplicaSet[], toAdd: number): readonly Scale[] {
  // Of equal size, growing prefers the newer and shrinking the older.
  const sorted = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)))
  const sizes: number[] = []
  let added = 0
  for (const set of sorted) {
    const share = toAdd === added ? 0 : clamp(fraction(deployment, set), toAdd - added)
    sizes.push(replicasOf(set) + share)
    added += share
  }
  if (sizes[0] !== undefined) sizes[0] = Math.max(0, sizes[0] + toAdd - added)
  // Also those that keep their size are written, for their annotations.
  return sorted.map((set, i) => ({ set, replicas: sizes[i] ?? 0 }))
}

function clamp(share: number, left: number): number {
  return left > 0 ? Math.min(share, left) : Math.max(share, left)
}

function fraction(deployment: Deployment, set: ReplicaSet): number {
  const { desired, maxSurge } = boundsOf(deployment)
  const size = replicasOf(set)
  if (desired === 0) return -size
  const before = maxAnnotation(set) || deployment.status?.replicas || desired
  return Math.round((size * (desired + maxSurge)) / before) - size
}

/** Old ReplicaSets without pods beyond the history limit, oldest revision first. */
export function planCleanup(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
  byRevision: (a: ReplicaSet, b: ReplicaSet) => number,
): readonly ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10
  const alive = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined)
  const surplus = alive.length - limit
  if (surplus <= 0) return []
  return [...alive]
    .sort(byRevision)
    .slice(0, surplus)
    .filter(
      (set) =>
        replicasOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
}
