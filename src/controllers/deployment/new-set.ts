/** Makes and keeps the ReplicaSet of a Deployment's present template. */
import { conditionOf } from '../../api/conditions.ts'
import { isApiError } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { involved, type Recorder } from '../../client/events.ts'
import { deployments, replicaSets } from '../../client/resources.ts'
import type { ControllerContext } from '../context.ts'
import { controllerOf, controllerReference } from '../ownership.ts'
import { newSetReplicas, type Sets } from './plan.ts'
import { newSetAnnotations, nextRevision, REVISION, revisionText, sameAnnotations } from './revision.ts'
import { type Condition, hasDeadline, withCondition } from './status.ts'
import { HASH_LABEL, sameTemplate, templateHash } from './template.ts'

/** A Deployment as last written, and its ReplicaSets. */
export interface Prepared {
  readonly deployment: Deployment
  readonly sets: Sets
}

export class NewSetMaker {
  private readonly context: ControllerContext
  private readonly recorder: Recorder

  constructor(context: ControllerContext, recorder: Recorder) {
    this.context = context
    this.recorder = recorder
  }

  /** The sets with the new one present and up to date. Rejects as the client does, or when the name is taken (try again). */
  async ensure(deployment: Deployment, sets: Sets): Promise<Prepared> {
    if (sets.newSet) return this.refresh(deployment, sets)
    const newSet = await this.create(deployment, sets)
    const condition: Condition = {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetCreated',
      message: `Created new replica set "${newSet.metadata.name}"`,
    }
    const marked = await this.mark(deployment, revisionText(newSet), condition)
    return { deployment: marked, sets: { ...sets, newSet } }
  }

  /** Keeps revision, inherited annotations and minReadySeconds of the new ReplicaSet, and the Deployment's revision. */
  async refresh(deployment: Deployment, sets: Sets): Promise<Prepared> {
    const { newSet } = sets
    if (!newSet) return { deployment, sets }
    const annotations = newSetAnnotations(deployment, newSet.metadata.annotations ?? {}, nextRevision(sets.oldSets))
    const minReadySeconds = deployment.spec.minReadySeconds ?? 0
    const same =
      sameAnnotations(newSet.metadata.annotations, annotations) &&
      (newSet.spec.minReadySeconds ?? 0) === minReadySeconds
    if (!same) {
      const wanted = {
        ...newSet,
        metadata: { ...newSet.metadata, annotations },
        spec: { ...newSet.spec, minReadySeconds },
      }
      const written = await this.context.client.update(replicaSets, wanted)
      return { deployment, sets: { ...sets, newSet: written } }
    }
    const found: Condition = {
      type: 'Progressing',
      status: 'True',
      reason: 'FoundNewReplicaSet',
      message: `Found new replica set "${newSet.metadata.name}"`,
    }
    const known = conditionOf(deployment.status, 'Progressing') !== undefined
    return { deployment: await this.mark(deployment, revisionText(newSet), known ? undefined : found), sets }
  }

  private async create(deployment: Deployment, sets: Sets): Promise<ReplicaSet> {
    const wanted = this.describe(deployment, sets)
    try {
      const created = await this.context.client.create(replicaSets, wanted)
      const replicas = wanted.spec.replicas ?? 0
      if (replicas > 0) {
        const message = `Scaled up replica set ${created.metadata.name} from 0 to ${replicas}`
        this.recorder.event(involved(deployments, deployment), 'Normal', 'ScalingReplicaSet', message)
      }
      return created
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return this.meet(deployment, wanted, error)
      const refused = isApiError(error) && (error.status.details?.causes ?? []).some(isTerminating)
      if (!refused) await this.fail(deployment, wanted, error as Error)
      throw error
    }
  }

  private describe(deployment: Deployment, sets: Sets): ReplicaSet {
    const { name = '', namespace = '' } = deployment.metadata
    const { template, selector, minReadySeconds = 0 } = deployment.spec
    const hash = templateHash(template, deployment.status?.collisionCount)
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash }
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels,
        annotations: newSetAnnotations(deployment, undefined, nextRevision(sets.oldSets)),
        ownerReferences: [controllerReference(deployments, deployment)],
      },
      spec: {
        replicas: newSetReplicas(deployment, { newSet: undefined, oldSets: sets.oldSets }),
        ...(minReadySeconds > 0 ? { minReadySeconds } : {}),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }
  }

  /** The name is taken: by ours, which the informer has not shown yet, or by a stranger, then another hash is tried. */
  private async meet(deployment: Deployment, wanted: ReplicaSet, taken: unknown): Promise<ReplicaSet> {
    const { namespace = '', name = '' } = wanted.metadata
    const there = await this.context.client.get(replicaSets, { namespace, name })
    const ours = controllerOf(there)?.uid === deployment.metadata.uid
    if (ours && sameTemplate(there.spec.template, deployment.spec.template)) return there
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
    await this.context.client.updateStatus(deployments, {
      ...deployment,
      status: { ...deployment.status, collisionCount },
    })
    throw taken
  }

  private async fail(deployment: Deployment, wanted: ReplicaSet, error: Error): Promise<void> {
    const message = `Failed to create new replica set "${wanted.metadata.name}": ${error.message}`
    this.recorder.event(involved(deployments, deployment), 'Warning', 'ReplicaSetCreateError', message)
    const condition: Condition = { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message }
    await this.mark(deployment, revisionText(deployment), condition)
  }

  /** Writes the Deployment's revision annotation and, if it has a deadline, a condition, in one status update; nothing when they are there. */
  private async mark(deployment: Deployment, revision: string, condition: Condition | undefined): Promise<Deployment> {
    const old = deployment.status?.conditions ?? []
    const now = rfc3339(this.context.clock.now())
    const conditions = condition && hasDeadline(deployment) ? withCondition(old, condition, now) : old
    if (conditions === old && revisionText(deployment) === revision) return deployment
    const annotations = { ...deployment.metadata.annotations, [REVISION]: revision }
    return this.context.client.updateStatus(deployments, {
      ...deployment,
      metadata: { ...deployment.metadata, annotations },
      status: { ...deployment.status, conditions },
    })
  }
}

function isTerminating(cause: { readonly reason?: string }): boolean {
  return cause.reason === 'NamespaceTerminating'
}
