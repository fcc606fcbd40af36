/** The two kinds that keep a number of pods, seen alike. */
import type { KubernetesObject } from '../../api/object.ts'
import type { ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import type { Pod, PodTemplateSpec, ReplicationController } from '../../api/types/core-v1.gen.ts'
import type { Resource } from '../../client/api-client.ts'
import { replicaSets, replicationControllers } from '../../client/resources.ts'
import { isEmptySelector, mapMatches, selectorMatches } from '../label-match.ts'
import type { ReplicaStatus } from './plan.ts'

export interface ReplicaCondition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

/** The status fields that both kinds have, and terminatingReplicas. */
export type OwnerStatus = Partial<ReplicaStatus> & {
  readonly observedGeneration?: number
  readonly conditions?: readonly ReplicaCondition[]
}

export interface ReplicaOwner extends KubernetesObject {
  readonly spec?: { readonly replicas?: number; readonly minReadySeconds?: number; readonly template?: PodTemplateSpec }
  readonly status?: OwnerStatus
}

export interface ReplicaKind<T extends ReplicaOwner> {
  readonly resource: Resource<T>
  /** Name of the controller, and as whom it records events. */
  readonly component: string
  matches(owner: T, pod: Pod): boolean
  /** Whether the status has terminatingReplicas. */
  readonly countsTerminating: boolean
}

export const replicaSetKind: ReplicaKind<ReplicaSet> = {
  resource: replicaSets,
  component: 'replicaset-controller',
  matches: ({ spec }, pod) => !isEmptySelector(spec.selector) && selectorMatches(spec.selector, pod.metadata.labels),
  countsTerminating: true,
}

export const replicationControllerKind: ReplicaKind<ReplicationController> = {
  resource: replicationControllers,
  component: 'replication-controller',
  matches: ({ spec }, pod) => mapMatches(spec?.selector, pod.metadata.labels),
  countsTerminating: false,
}
