/**
 * Keeps the number of pods of a ReplicaSet or ReplicationController. Thin: `plan.ts` decides, this reads, writes and records.
 * A pod marked for deletion is replaced at once, long before it ended.
 */
import { keyOf } from '../../api/object.ts'
import { ApiError, isApiError } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { involved, type Recorder } from '../../client/events.ts'
import type { Informer } from '../../client/informer.ts'
import { pods as podResource } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { claim, controllerOf, controllerReference } from '../ownership.ts'
import { isTerminal } from '../pod-state.ts'
import { Expectations } from './expectations.ts'
import { type ReplicaKind, type ReplicaOwner, replicaSetKind, replicationControllerKind } from './kinds.ts'
import { nextAvailableIn, planReplicas, replicaStatus } from './plan.ts'
import { statusWith } from './status.ts'

const ORPHANS = 'orphans'
/** Creations begin one by one and double while they succeed, so that a refusal is not met hundreds of times. */
const SLOW_START_INITIAL = 1
/** Requests at once: the API server's share is for everybody. */
const AT_ONCE_MAX = 50

export function startReplicaSet(context: ControllerContext): Promise<void> {
  return new ReplicaController(context, replicaSetKind).start()
}

export function startReplicationController(context: ControllerContext): Promise<void> {
  return new ReplicaController(context, replicationControllerKind).start()
}

class ReplicaController<T extends ReplicaOwner> {
  private readonly context: ControllerContext
  private readonly kind: ReplicaKind<T>
  private readonly owners: Informer<T>
  private readonly pods: Informer<Pod>
  private readonly recorder: Recorder
  private readonly expectations: Expectations
  private readonly controller: Controller

  constructor(context: ControllerContext, kind: ReplicaKind<T>) {
    this.context = context
    this.kind = kind
    this.owners = context.informers.informer(kind.resource)
    this.pods = context.informers.informer(podResource)
    this.recorder = newRecorder(context, kind.component)
    this.expectations = new Expectations(context.clock)
    this.controller = newController(context, kind.component, (key) => this.reconcile(key))
  }

  /** Resolves when it works. */
  async start(): Promise<void> {
    this.pods.lister.addIndex(ORPHANS, (pod) => (controllerOf(pod) ? [] : [pod.metadata.namespace ?? '']))
    this.owners.on({
      add: (owner) => this.controller.enqueue(keyOf(owner)),
      update: (owner) => this.controller.enqueue(keyOf(owner)),
      delete: (owner) => {
        this.expectations.forget(keyOf(owner))
        this.controller.enqueue(keyOf(owner))
      },
    })
    this.pods.on({
      add: (pod) => this.podAdded(pod),
      update: (pod, old) => this.podUpdated(pod, old),
      delete: (pod) => this.podGoes(pod),
    })
    await this.controller.start(this.owners.synced, this.pods.synced)
  }

  private podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.podGoes(pod)
      return
    }
    const key = this.ownerKey(pod)
    if (key !== undefined) {
      this.expectations.created(key)
      this.controller.enqueue(key)
    } else if (!controllerOf(pod)) this.enqueueMatching(pod)
  }

  private podUpdated(pod: Pod, old: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) this.podGoes(pod)
    const key = this.ownerKey(pod)
    const oldKey = this.ownerKey(old)
    if (oldKey !== undefined && oldKey !== key) this.controller.enqueue(oldKey)
    if (key !== undefined) this.controller.enqueue(key)
    else if (!controllerOf(pod) && (pod.metadata.labels !== old.metadata.labels || controllerOf(old)))
      this.enqueueMatching(pod)
  }

  private podGoes(pod: Pod): void {
    const key = this.ownerKey(pod)
    if (key === undefined) return
    this.expectations.deleted(key, podIdentity(pod))
    this.controller.enqueue(key)
  }

  /** Key of the owner of this kind that controls the pod, if it is the one we know. */
  private ownerKey(pod: Pod): string | undefined {
    const reference = controllerOf(pod)
    if (reference?.kind !== this.kind.resource.kind) return undefined
    const key = `${pod.metadata.namespace ?? ''}/${reference.name}`
    return this.owners.lister.get(key)?.metadata.uid === reference.uid ? key : undefined
  }

  private enqueueMatching(pod: Pod): void {
    for (const owner of this.owners.lister.inNamespace(pod.metadata.namespace ?? ''))
      if (this.kind.matches(owner, pod)) this.controller.enqueue(keyOf(owner))
  }

  private async reconcile(key: string): Promise<Outcome> {
    const owner = this.owners.lister.get(key)
    if (!owner) return done
    // Asked before the pods are: what is seen in between is counted on both sides, never on none.
    const blocked = this.expectations.wait(key)
    const pods = await this.claimPods(owner)
    const failure =
      blocked === 0 && owner.metadata.deletionTimestamp === undefined ? await this.manage(key, owner, pods) : undefined
    const now = this.context.clock.now()
    const minReadySeconds = owner.spec?.minReadySeconds ?? 0
    await this.writeStatus(owner, pods, failure)
    if (failure) throw failure.error
    const waits = [nextAvailableIn({ pods, minReadySeconds, now }), blocked || undefined].filter(
      (ms) => ms !== undefined,
    )
    return waits.length === 0 ? done : after(Math.min(...waits))
  }

  private claimPods(owner: T): Promise<Pod[]> {
    const { lister } = this.pods
    const own = lister.ownedBy(owner.metadata.uid ?? '')
    const orphans = lister.by(ORPHANS, owner.metadata.namespace ?? '')
    return claim(
      {
        client: this.context.client,
        owner,
        ownerResource: this.kind.resource,
        resource: podResource,
        matches: (pod) => this.kind.matches(owner, pod),
        adoptable: (pod) => !isTerminal(pod),
      },
      [...own, ...orphans],
    )
  }

  /** Creates or deletes what the plan says. Returns the first failure; it never rejects. */
  private async manage(key: string, owner: T, pods: readonly Pod[]): Promise<Failure | undefined> {
    const plan = planReplicas({
      desired: owner.spec?.replicas ?? 1,
      pods,
      related: () => this.relatedPods(owner, pods),
      now: this.context.clock.now(),
    })
    if (plan.create > 0) {
      this.expectations.expect(key, plan.create)
      return this.createPods(key, owner, plan.create)
    }
    if (plan.delete.length === 0) return undefined
    this.expectations.expect(key, 0, plan.delete.map(podIdentity))
    let failure: Failure | undefined
    for (let from = 0; from < plan.delete.length; from += AT_ONCE_MAX) {
      const batch = plan.delete.slice(from, from + AT_ONCE_MAX)
      const failures = await Promise.all(batch.map((pod) => this.deletePod(key, owner, pod)))
      failure ??= failures.find((each) => each !== undefined)
    }
    return failure
  }

  /** Pods of all owners that have the same controller, e.g. all ReplicaSets of a Deployment. */
  private relatedPods(owner: T, pods: readonly Pod[]): readonly Pod[] {
    const above = controllerOf(owner)
    if (!above) return pods
    const siblings = this.owners.lister.ownedBy(above.uid)
    return siblings.flatMap((sibling) => this.pods.lister.ownedBy(sibling.metadata.uid ?? ''))
  }

  private async createPods(key: string, owner: T, count: number): Promise<Failure | undefined> {
    let batch = SLOW_START_INITIAL
    for (let created = 0; created < count; batch *= 2) {
      const size = Math.min(batch, count - created, AT_ONCE_MAX)
      const failures = await Promise.all(Array.from({ length: size }, () => this.createPod(key, owner)))
      created += size
      const failure = failures.find((each) => each !== undefined)
      if (!failure) continue
      this.expectations.created(key, count - created)
      // Nothing can be made in a namespace on its way out, and that is no failure worth telling.
      return isNamespaceTerminating(failure.error) ? undefined : failure
    }
    return undefined
  }

  private async createPod(key: string, owner: T): Promise<Failure | undefined> {
    try {
      const pod = await this.context.client.create(podResource, this.podOf(owner))
      const message = `Created pod: ${pod.metadata.name}`
      this.recorder.event(involved(this.kind.resource, owner), 'Normal', 'SuccessfulCreate', message)
      return undefined
    } catch (error) {
      this.expectations.created(key)
      if (!isNamespaceTerminating(error)) {
        const message = `Error creating: ${(error as Error).message}`
        this.recorder.event(involved(this.kind.resource, owner), 'Warning', 'FailedCreate', message)
      }
      return { reason: 'FailedCreate', error }
    }
  }

  private podOf(owner: T): Pod {
    const { metadata = {}, spec = { containers: [] } } = owner.spec?.template ?? {}
    const { labels, annotations, finalizers } = metadata
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${owner.metadata.name}-`,
        namespace: owner.metadata.namespace ?? '',
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ...(finalizers ? { finalizers } : {}),
        ownerReferences: [controllerReference(this.kind.resource, owner)],
      },
      spec,
    }
  }

  private async deletePod(key: string, owner: T, pod: Pod): Promise<Failure | undefined> {
    const { namespace = '', name = '' } = pod.metadata
    const about = involved(this.kind.resource, owner)
    try {
      await this.context.client.delete(podResource, { namespace, name })
      this.recorder.event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
      return undefined
    } catch (error) {
      this.expectations.deleted(key, podIdentity(pod))
      if (isApiError(error, 'NotFound')) return undefined
      this.recorder.event(about, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`)
      return { reason: 'FailedDelete', error }
    }
  }

  /** Writes the status when it differs. A conflict is tried once more on the live object: owners change often while they work. */
  private async writeStatus(owner: T, pods: readonly Pod[], failure: Failure | undefined): Promise<void> {
    const now = this.context.clock.now()
    const counts = replicaStatus({
      pods,
      templateLabels: owner.spec?.template?.metadata?.labels ?? {},
      minReadySeconds: owner.spec?.minReadySeconds ?? 0,
      now,
    })
    const observedGeneration = owner.metadata.generation
    const write = async (target: T) => {
      const status = statusWith(target.status, {
        counts,
        countsTerminating: this.kind.countsTerminating,
        now: rfc3339(now),
        ...(observedGeneration === undefined ? {} : { observedGeneration }),
        ...(failure ? { failure: { reason: failure.reason, message: (failure.error as Error).message } } : {}),
      })
      if (status) await this.context.client.updateStatus(this.kind.resource, { ...target, status })
    }
    try {
      await write(owner)
    } catch (error) {
      if (isApiError(error, 'NotFound')) return
      if (!isApiError(error, 'Conflict')) throw error
      const { namespace = '', name = '', uid } = owner.metadata
      const live = await this.context.client.find(this.kind.resource, { namespace, name })
      if (live?.metadata.uid === uid && live) await write(live)
    }
  }
}

interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly error: unknown
}

function podIdentity(pod: Pod): string {
  return `${keyOf(pod)} ${pod.metadata.uid ?? ''}`
}

/** 403 with the cause that the namespace is being terminated. */
function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.code === 403 &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating')
  )
}
