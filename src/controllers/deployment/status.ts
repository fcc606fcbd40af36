/** Pure: what a Deployment's status says, and whether its rollout gets on. Reasons and messages are Kubernetes'. */
import { conditionOf, transitionTime } from '../../api/conditions.ts'
import { parseTime } from '../../api/time.ts'
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { boundsOf, sumReplicas, sumStatus } from './bounds.ts'
import type { Sets } from './plan.ts'

/** progressDeadlineSeconds of this value (MaxInt32) means no deadline. */
const NO_DEADLINE = 2_147_483_647

export interface Condition {
  readonly type: 'Progressing' | 'Available' | 'ReplicaFailure'
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

type Conditions = readonly DeploymentCondition[]

/** Sets a condition at `now` (RFC 3339). Status and reason unchanged: `old` itself. Status unchanged: the transition time stays. */
export function withCondition(old: Conditions, condition: Condition, now: string): Conditions {
  const present = old.find((each) => each.type === condition.type)
  if (present?.status === condition.status && present.reason === condition.reason) return old
  const lastTransitionTime = transitionTime(present, condition.status, now)
  const next = { ...condition, lastUpdateTime: now, lastTransitionTime }
  return [...old.filter((each) => each.type !== condition.type), next]
}

function withoutCondition(old: Conditions, type: string): Conditions {
  return old.some((each) => each.type === type) ? old.filter((each) => each.type !== type) : old
}

export function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_DEADLINE
}

/** The counts, and the Available condition. Zeros are left out, as Kubernetes does. */
export function countStatus(deployment: Deployment, sets: Sets, now: string): DeploymentStatus {
  const every = sets.newSet ? [...sets.oldSets, sets.newSet] : sets.oldSets
  const available = sumStatus(every, 'availableReplicas')
  const { desired, maxUnavailable } = boundsOf(deployment)
  const counts = {
    replicas: sumStatus(every, 'replicas'),
    updatedReplicas: sets.newSet ? sumStatus([sets.newSet], 'replicas') : 0,
    readyReplicas: sumStatus(every, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sumReplicas(every) - available),
  }
  const enough = available >= desired - maxUnavailable
  const conditions = withCondition(
    deployment.status?.conditions ?? [],
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
    },
    now,
  )
  // One that its controller has not looked at yet has none; one that it looked at and that does not say leaves the sum unknown.
  const terminating = every.every(
    ({ status }) => !status?.observedGeneration || status.terminatingReplicas !== undefined,
  )
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(terminating ? { terminatingReplicas: sumStatus(every, 'terminatingReplicas') } : {}),
    ...(deployment.status?.collisionCount ? { collisionCount: deployment.status.collisionCount } : {}),
    conditions,
  }
}

/** All replicas are of the present template and available, and no other pod is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = deployment.spec.replicas ?? 1
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function isProgressing(old: DeploymentStatus, status: DeploymentStatus): boolean {
  const oldReplicas = (each: DeploymentStatus) => (each.replicas ?? 0) - (each.updatedReplicas ?? 0)
  return (
    (status.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldReplicas(status) < oldReplicas(old) ||
    (status.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  )
}

/** When the deadline of a rollout that does not get on runs out, in ms since 1970; undefined when none runs. */
export function deadlineOf(deployment: Deployment, status: DeploymentStatus): number | undefined {
  const progressing = conditionOf(status, 'Progressing')
  if (!hasDeadline(deployment) || !progressing || isComplete(deployment, status)) return undefined
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded')
    return undefined
  const since = parseTime(progressing.lastUpdateTime ?? '')
  return since === undefined ? undefined : since + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000
}

/** The status while a rollout goes on or is through: counts, Available, Progressing, ReplicaFailure. */
export function rolloutStatus(
  deployment: Deployment,
  sets: Sets,
  { now, nowMs }: { readonly now: string; readonly nowMs: number },
): DeploymentStatus {
  const status = countStatus(deployment, sets, now)
  let conditions: Conditions = status.conditions ?? []
  if (hasDeadline(deployment)) {
    const settled =
      (status.replicas ?? 0) === (status.updatedReplicas ?? 0) &&
      conditionOf(deployment.status, 'Progressing')?.reason === 'NewReplicaSetAvailable'
    if (!settled) conditions = progressConditions(deployment, { ...status, conditions }, { sets, now, nowMs })
  } else conditions = withoutCondition(conditions, 'Progressing')
  const failure = failureOf(sets)
  conditions = failure ? withCondition(conditions, failure, now) : withoutCondition(conditions, 'ReplicaFailure')
  return { ...status, conditions }
}

function progressConditions(
  deployment: Deployment,
  status: DeploymentStatus,
  { sets, now, nowMs }: { readonly sets: Sets; readonly now: string; readonly nowMs: number },
): Conditions {
  const conditions = status.conditions ?? []
  const subject = sets.newSet ? `ReplicaSet "${sets.newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const progressing = (state: 'True' | 'False', reason: string, what: string): Condition => ({
    type: 'Progressing',
    status: state,
    reason,
    message: `${subject} ${what}`,
  })
  if (isComplete(deployment, status))
    return withCondition(conditions, progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.'), now)
  if (isProgressing(deployment.status ?? {}, status)) {
    const present = conditionOf(status, 'Progressing')
    const next = progressing('True', 'ReplicaSetUpdated', 'is progressing.')
    // Each bit of progress starts the deadline anew, so the condition is renewed also when it says the same.
    const others = withoutCondition(conditions, 'Progressing')
    const since = transitionTime(present, next.status, now)
    return [...others, { ...next, lastUpdateTime: now, lastTransitionTime: since }]
  }
  const deadline = deadlineOf(deployment, status)
  if (deadline !== undefined && deadline < nowMs)
    return withCondition(
      conditions,
      progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.'),
      now,
    )
  return conditions
}

/** The new ReplicaSet's failure to make pods, else an old one's. */
function failureOf({ newSet, oldSets }: Sets): Condition | undefined {
  const failureIn = (set: ReplicaSet) => conditionOf(set.status, 'ReplicaFailure')
  const found = (newSet && failureIn(newSet)) ?? oldSets.map(failureIn).find((each) => each !== undefined)
  if (!found) return undefined
  return {
    type: 'ReplicaFailure',
    status: found.status as Condition['status'],
    reason: found.reason ?? '',
    message: found.message ?? '',
  }
}

/** Same in everything that is written. */
export function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  const fields: (keyof DeploymentStatus)[] = [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ]
  const old = a?.conditions ?? []
  const next = b.conditions ?? []
  return (
    fields.every((field) => (a?.[field] ?? 0) === (b[field] ?? 0)) &&
    (a?.terminatingReplicas === undefined) === (b.terminatingReplicas === undefined) &&
    old.length === next.length &&
    old.every((condition, i) => condition === next[i] || sameCondition(condition, next[i]))
  )
}

function sameCondition(a: DeploymentCondition, b: DeploymentCondition | undefined): boolean {
  return (
    a.type === b?.type &&
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.lastUpdateTime === b.lastUpdateTime &&
    a.lastTransitionTime === b.lastTransitionTime
  )
}
