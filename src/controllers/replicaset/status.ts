/** Pure: the status of a ReplicaSet or ReplicationController from the counts of its pods. */
import type { OwnerStatus, ReplicaCondition } from './kinds.ts'
import type { ReplicaStatus } from './plan.ts'

export interface StatusChange {
  readonly counts: ReplicaStatus
  readonly countsTerminating: boolean
  readonly observedGeneration?: number
  /** Creating or deleting pods failed. */
  readonly failure?: { readonly reason: string; readonly message: string }
  /** RFC 3339. */
  readonly now: string
}

const FAILURE = 'ReplicaFailure'

/** The status to write, or undefined when `old` says it already. Zeros are left out, as Kubernetes does, except of `replicas`. */
export function statusWith(
  old: OwnerStatus | undefined,
  change: StatusChange,
): (OwnerStatus & { replicas: number }) | undefined {
  const { counts, observedGeneration } = change
  const conditions = conditionsWith(old?.conditions ?? [], change)
  const same =
    old?.replicas === counts.replicas &&
    (old.fullyLabeledReplicas ?? 0) === counts.fullyLabeledReplicas &&
    (old.readyReplicas ?? 0) === counts.readyReplicas &&
    (old.availableReplicas ?? 0) === counts.availableReplicas &&
    (!change.countsTerminating || old.terminatingReplicas === counts.terminatingReplicas) &&
    old.observedGeneration === observedGeneration &&
    conditions === (old.conditions ?? conditions)
  if (same && conditions.length === (old.conditions ?? []).length) return undefined
  return {
    replicas: counts.replicas,
    ...(counts.fullyLabeledReplicas ? { fullyLabeledReplicas: counts.fullyLabeledReplicas } : {}),
    ...(counts.readyReplicas ? { readyReplicas: counts.readyReplicas } : {}),
    ...(counts.availableReplicas ? { availableReplicas: counts.availableReplicas } : {}),
    ...(change.countsTerminating ? { terminatingReplicas: counts.terminatingReplicas } : {}),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

/** `old` itself when nothing changes. */
function conditionsWith(old: readonly ReplicaCondition[], { failure, now }: StatusChange): readonly ReplicaCondition[] {
  const present = old.find((condition) => condition.type === FAILURE)
  if (!failure) return present ? old.filter((condition) => condition !== present) : old
  if (present?.status === 'True' && present.reason === failure.reason) return old
  const others = old.filter((condition) => condition !== present)
  return [...others, { type: FAILURE, status: 'True', lastTransitionTime: now, ...failure }]
}
