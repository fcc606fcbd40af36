/**
 * Deletes what nobody owns any more, holds owners that are deleted in the foreground until their dependents are gone, and
 * cuts dependents loose when an owner is deleted with `orphan`. Thin: `plan.ts` decides about each object.
 * It watches every resource that the server serves; that an owner is absent is always asked of the server itself.
 */
import type { KubernetesObject, OwnerReference } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import { sleep } from '../../base/clock.ts'
import { apiVersionOf, type Resource } from '../../client/api-client.ts'
import { type Controller, done, type Outcome } from '../../client/controller.ts'
import { Discovery } from '../../client/discovery.ts'
import { involved, type Recorder } from '../../client/events.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { type GraphNode, isNamed, OwnerGraph, ownersOf, uidOf } from './graph.ts'
import { isDeletedInForeground, ORPHAN, type OwnerState, planItem, type Verdict } from './plan.ts'

const WORKERS = 20
/** How often the served resources are asked for, so that new ones are watched and gone ones are not. */
const RESYNC_MS = 30_000
const RETRY_MS = 500
/** Owners known not to exist, `namespace/uid`; the oldest is forgotten. A uid never comes back, so this never gets stale. */
const ABSENT_OWNERS_MAX = 500

/** Everybody's short-lived notes: they own nothing, and are owned by nobody. */
const IGNORED: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io'])

export async function startGarbageCollector(context: ControllerContext): Promise<void> {
  await new GarbageCollector(context).start()
}

class GarbageCollector {
  private readonly context: ControllerContext
  private readonly graph = new OwnerGraph()
  private readonly discovery: Discovery
  private readonly controller: Controller
  private readonly recorder: Recorder
  private readonly watched = new Map<string, { readonly resource: Resource; stop(): void }>()
  private readonly byKind = new Map<string, Resource>()
  private readonly absent = new Set<string>()

  constructor(context: ControllerContext) {
    this.context = context
    this.discovery = new Discovery(context.client, context.clock)
    this.recorder = newRecorder(context, 'garbage-collector-controller')
    this.controller = newController(context, 'garbage-collector', (uid) => this.reconcile(uid), WORKERS)
  }

  async start(): Promise<void> {
    await this.controller.start(this.firstSync())
    this.scheduleResync()
  }

  /** Resolves when all that is served is known, however often that has to be asked. */
  private async firstSync(): Promise<void> {
    const { clock, lifetime } = this.context
    while (!lifetime.closed) {
      try {
        await this.resync()
        return
      } catch (error) {
        this.report('discovery', error)
        await sleep(clock, RETRY_MS, lifetime.signal)
      }
    }
  }

  private scheduleResync(): void {
    const { clock, lifetime } = this.context
    if (lifetime.closed) return
    const timer = clock.setTimer(RESYNC_MS, () => {
      forget()
      void this.resync()
        .catch((error: unknown) => this.report('discovery', error))
        .then(() => this.scheduleResync())
    })
    const forget = lifetime.add('resync', () => timer.cancel())
  }

  private report(key: string, error: unknown): void {
    this.context.failed?.({ controller: 'garbage-collector', key, error, willRetry: true })
  }

  /** Watches what is served now. Resolves when all of it is known. */
  private async resync(): Promise<void> {
    const { resources, failures } = await this.discovery.resources(0)
    const served = new Set<string>()
    const syncing: Promise<void>[] = []
    for (const { resource, verbs } of resources) {
      this.byKind.set(`${apiVersionOf(resource)}/${resource.kind}`, resource)
      const name = resource.group ? `${resource.plural}.${resource.group}` : resource.plural
      if (IGNORED.has(name) || !['delete', 'list', 'watch'].every((verb) => verbs.includes(verb))) continue
      served.add(name)
      if (!this.watched.has(name)) syncing.push(this.watch(name, resource))
    }
    // A group that does not answer for once is still served: forgetting its objects would make owners look gone, or stay.
    if (failures.length === 0) this.unwatchAllBut(served)
    await Promise.all(syncing)
  }

  private unwatchAllBut(served: ReadonlySet<string>): void {
    for (const [name, { resource, stop }] of this.watched) {
      if (served.has(name)) continue
      stop()
      this.watched.delete(name)
      this.graph.removeAllOf(resource)
    }
  }

  private watch(name: string, resource: Resource): Promise<void> {
    const informer = this.context.informers.informer(resource)
    const stop = informer.on({
      add: (object) => this.put(resource, object, undefined),
      update: (object, old) => this.put(resource, object, old),
      delete: (object) => this.removed(object),
    })
    this.watched.set(name, { resource, stop })
    return informer.synced
  }

  private put(resource: Resource, object: KubernetesObject, old: KubernetesObject | undefined): void {
    this.graph.put(resource, object)
    const uid = uidOf(object)
    if (object.metadata.deletionTimestamp !== undefined) {
      if ((object.metadata.finalizers ?? []).length > 0) this.controller.enqueue(uid)
    } else if (ownersOf(object).some((owner) => this.looksGone(owner, object))) this.controller.enqueue(uid)
    if (old && old.metadata.ownerReferences !== object.metadata.ownerReferences) this.ownersLost(old)
  }

  private looksGone(owner: OwnerReference, { metadata }: KubernetesObject): boolean {
    const node = this.graph.get(owner.uid)
    return !node || !isNamed(node, owner, metadata.namespace ?? '') || isDeletedInForeground(node.object)
  }

  private removed(object: KubernetesObject): void {
    const dependents = this.graph.dependentsOf(uidOf(object))
    this.graph.remove(object)
    this.remember(`${object.metadata.namespace ?? ''}/${uidOf(object)}`)
    for (const dependent of dependents) this.controller.enqueue(uidOf(dependent.object))
    this.ownersLost(object)
  }

  /** Owners that wait for their dependents may have one less to wait for. */
  private ownersLost(dependent: KubernetesObject): void {
    for (const owner of ownersOf(dependent)) {
      const node = this.graph.get(owner.uid)
      if (node && isDeletedInForeground(node.object)) this.controller.enqueue(owner.uid)
    }
  }

  private remember(owner: string): void {
    this.absent.add(owner)
    if (this.absent.size <= ABSENT_OWNERS_MAX) return
    const oldest = this.absent.values().next()
    if (!oldest.done) this.absent.delete(oldest.value)
  }

  private async reconcile(uid: string): Promise<Outcome> {
    const node = this.graph.get(uid)
    if (!node) return done
    const { object } = node
    const states = new Map<string, OwnerState>()
    if (object.metadata.deletionTimestamp === undefined)
      for (const owner of ownersOf(object)) states.set(owner.uid, await this.stateOf(owner, node))
    const verdict = planItem({
      object,
      dependents: this.graph.dependentsOf(uid).map((dependent) => dependent.object),
      stateOf: (owner) => states.get(owner.uid) ?? 'solid',
    })
    try {
      await this.carryOut(node, verdict)
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
    return done
  }

  /** An owner in another namespace is none, and told of: who follows the reference as it is written finds nothing. */
  private async stateOf(owner: OwnerReference, dependent: GraphNode): Promise<OwnerState> {
    const home = dependent.object.metadata.namespace ?? ''
    const node = this.graph.get(owner.uid)
    if (node && isNamed(node, owner, home)) return isDeletedInForeground(node.object) ? 'waiting' : 'solid'
    if (node?.resource.namespaced && node.object.metadata.namespace !== home) this.tellInvalid(owner, dependent)
    if (this.absent.has(`${home}/${owner.uid}`) || this.absent.has(`/${owner.uid}`)) return 'absent'
    const resource = this.byKind.get(`${owner.apiVersion}/${owner.kind}`)
    if (!resource) throw new Error(`owner ${owner.apiVersion} ${owner.kind} ${owner.name}: no such kind is served`)
    // A cluster-scoped object cannot be owned by a namespaced one: as good as absent, but Kubernetes leaves it alone.
    if (resource.namespaced && !home) return 'solid'
    const namespace = resource.namespaced ? home : ''
    const live = await this.context.client.find(resource, { namespace, name: owner.name })
    if (live?.metadata.uid === owner.uid) return isDeletedInForeground(live) ? 'waiting' : 'solid'
    this.remember(`${namespace}/${owner.uid}`)
    return 'absent'
  }

  private tellInvalid({ apiVersion, kind, name, uid }: OwnerReference, { resource, object }: GraphNode): void {
    const namespace = object.metadata.namespace ?? ''
    const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`
    const message = `ownerRef ${owner} does not exist in namespace "${namespace}"`
    this.recorder.event(involved(resource, object), 'Warning', 'OwnerRefInvalidNamespace', message)
  }

  private async carryOut(node: GraphNode, verdict: Verdict): Promise<void> {
    const { client } = this.context
    const { resource, object } = node
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = object.metadata
    const ref = { namespace, name }
    if (verdict.action === 'delete') {
      const preconditions = { uid, resourceVersion }
      await client.delete(resource, ref, { preconditions, propagationPolicy: verdict.propagation })
    } else if (verdict.action === 'unblock-owners') await this.unblockOwners(node)
    else if (verdict.action === 'drop-references') await this.dropOwners(node, new Set(verdict.uids))
    else if (verdict.action === 'remove-finalizer') await this.removeFinalizer(node, verdict.finalizer)
    else if (verdict.action === 'orphan-dependents') {
      await this.orphanDependents(node)
      await this.removeFinalizer(node, ORPHAN)
    } else if (verdict.action === 'delete-dependents') {
      for (const dependent of this.graph.dependentsOf(uid))
        if (dependent.object.metadata.deletionTimestamp === undefined) this.controller.enqueue(uidOf(dependent.object))
    }
  }

  private async orphanDependents(node: GraphNode): Promise<void> {
    const uid = uidOf(node.object)
    await Promise.all(this.graph.dependentsOf(uid).map((dependent) => this.dropOwners(dependent, new Set([uid]))))
  }

  private async dropOwners(node: GraphNode, uids: ReadonlySet<string>): Promise<void> {
    const owners = ownersOf(node.object)
    const left = owners.filter((owner) => !uids.has(owner.uid))
    if (left.length === owners.length) return
    try {
      await this.patchMetadata(node, { ownerReferences: left.length > 0 ? left : null })
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
  }

  /** Its own update brings it back here, and then it can go. */
  private async unblockOwners(node: GraphNode): Promise<void> {
    const ownerReferences = ownersOf(node.object).map((owner) => ({ ...owner, blockOwnerDeletion: false }))
    await this.patchMetadata(node, { ownerReferences })
  }

  private async removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const left = (node.object.metadata.finalizers ?? []).filter((each) => each !== finalizer)
    await this.patchMetadata(node, { finalizers: left.length > 0 ? left : null })
  }

  /** Rejects with a conflict when the object is not as the graph knows it. */
  private async patchMetadata({ resource, object }: GraphNode, change: object): Promise<void> {
    const { namespace = '', name = '', resourceVersion } = object.metadata
    const patch = { metadata: { resourceVersion, ...change } }
    await this.context.client.patch(resource, { namespace, name }, patch, { type: 'merge' })
  }
}
