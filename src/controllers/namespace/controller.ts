/**
 * Empties namespaces that were deleted, in order: nothing for 5 s, so that everybody has seen it go; then the pods, gracefully;
 * when they are gone all the rest; when that is gone the finalizer `kubernetes`, and with it the namespace.
 * Source: KEP-5080 (ordered namespace deletion).
 */
import { type KubernetesObject, keyOf } from '../../api/object.ts'
import { ApiError, isApiError } from '../../api/status.ts'
import { parseTime, rfc3339 } from '../../api/time.ts'
import type { Namespace, Pod } from '../../api/types/core-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { discover, type ServedResource } from '../../client/discovery.ts'
import type { Informer } from '../../client/informer.ts'
import { namespaces as namespaceResource, pods as podResource } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { deleteQuietly } from '../quietly.ts'
import { type Emptying, namespaceConditions, podsEstimateSeconds, unexpectedItems } from './plan.ts'

const CONTENT_GRACE_MS = 5000
/** While something is left: it is looked at this often. The end of the last pod is told at once. */
const RECHECK_MS = 1000
const FINALIZER = 'kubernetes'
const WORKERS = 10

export async function startNamespace(context: ControllerContext): Promise<void> {
  await new NamespaceController(context).start()
}

class NamespaceController {
  private readonly context: ControllerContext
  private readonly namespaces: Informer<Namespace>
  private readonly pods: Informer<Pod>
  private readonly controller: Controller
  /** When each namespace on its way out was first seen to be, by uid; monotonic ms. */
  private readonly goingSince = new Map<string, number>()

  constructor(context: ControllerContext) {
    this.context = context
    this.namespaces = context.informers.informer(namespaceResource)
    this.pods = context.informers.informer(podResource)
    this.controller = newController(context, 'namespace', (key) => this.reconcile(key), WORKERS)
  }

  async start(): Promise<void> {
    const changed = (namespace: Namespace) => {
      if (namespace.metadata.deletionTimestamp !== undefined)
        this.controller.enqueueAfter(keyOf(namespace), this.graceLeft(namespace))
    }
    this.namespaces.on({
      add: changed,
      update: changed,
      delete: ({ metadata }) => this.goingSince.delete(metadata.uid ?? ''),
    })
    this.pods.on({
      delete: ({ metadata }) => {
        const namespace = this.namespaces.lister.get(metadata.namespace ?? '')
        if (namespace && this.pods.lister.inNamespace(metadata.namespace ?? '').length === 0) changed(namespace)
      },
    })
    await this.controller.start(this.namespaces.synced, this.pods.synced)
  }

  private graceLeft({ metadata }: Namespace): number {
    const now = this.context.clock.monotonic()
    const since = this.goingSince.get(metadata.uid ?? '') ?? now
    this.goingSince.set(metadata.uid ?? '', since)
    return Math.max(0, since + CONTENT_GRACE_MS - now)
  }

  private async reconcile(key: string): Promise<Outcome> {
    const known = this.namespaces.lister.get(key)
    if (known?.metadata.deletionTimestamp === undefined) return done
    const left = this.graceLeft(known)
    if (left > 0) return after(left)
    const namespace = await this.context.client.find(namespaceResource, { name: key })
    if (namespace?.metadata.uid !== known.metadata.uid || !namespace) return done
    if (!(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return done
    const { emptying, podsEstimate } = await this.empty(namespace)
    await this.report(namespace, emptying)
    if (podsEstimate !== undefined)
      return after(podsEstimate > 0 ? (Math.floor(podsEstimate / 2) + 1) * 1000 : RECHECK_MS)
    const clean =
      emptying.discoveryFailures.length + emptying.deletionFailures.length === 0 &&
      emptying.remaining.every(({ objects }) => objects.length === 0)
    if (!clean) return after(RECHECK_MS)
    await this.finalize(key)
    return done
  }

  /**
   * One round. With pods left nothing else is touched, and, as in Kubernetes, they are not reported as remaining: they are
   * given their time (`podsEstimate`, in seconds), and are a failure after that.
   */
  private async empty({ metadata }: Namespace): Promise<{ emptying: Emptying; podsEstimate?: number }> {
    const { client, clock } = this.context
    const namespace = metadata.name ?? ''
    const { resources, failures } = await discover(client)
    const deletionFailures: string[] = []
    const pods = await this.emptyOf({ resource: podResource, verbs: ALL_VERBS }, namespace, deletionFailures)
    if (pods.length > 0) {
      const since = clock.now() - (parseTime(metadata.deletionTimestamp ?? '') ?? 0)
      const podsEstimate = podsEstimateSeconds(pods as readonly Pod[], since)
      if (podsEstimate === 0) deletionFailures.push(unexpectedItems(namespace, podResource))
      return { emptying: { discoveryFailures: failures, deletionFailures, remaining: [] }, podsEstimate }
    }
    const deletable = resources.filter(
      ({ resource, verbs }) => resource.namespaced && verbs.includes('delete') && verbs.includes('list'),
    )
    const remaining = await Promise.all(
      deletable.map(async (served) => ({
        resource: served.resource,
        objects: await this.emptyOf(served, namespace, deletionFailures),
      })),
    )
    for (const { resource, objects } of remaining)
      if (objects.length > 0 && objects.every((object) => (object.metadata.finalizers ?? []).length === 0))
        deletionFailures.push(unexpectedItems(namespace, resource))
    return { emptying: { discoveryFailures: failures, deletionFailures, remaining } }
  }

  /** Deletes all objects of a resource in the namespace; resolves with those that are left. */
  private async emptyOf(
    { resource, verbs }: ServedResource,
    namespace: string,
    failures: string[],
  ): Promise<readonly KubernetesObject[]> {
    const { client } = this.context
    try {
      const before = await client.list(resource, { namespace })
      if (before.items.length === 0) return []
      const options = { propagationPolicy: 'Background' } as const
      if (verbs.includes('deletecollection')) await client.deleteCollection(resource, { namespace }, options)
      else await Promise.all(before.items.map((object) => deleteQuietly(client, resource, object, options)))
      return (await client.list(resource, { namespace })).items
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return []
      failures.push((error as Error).message)
      return []
    }
  }

  private async report(namespace: Namespace, emptying: Emptying): Promise<void> {
    const old = namespace.status?.conditions ?? []
    const conditions = namespaceConditions(old, emptying, rfc3339(this.context.clock.now()))
    if (conditions === old) return
    const status = { ...namespace.status, conditions }
    await this.context.client.updateStatus(namespaceResource, { ...namespace, status })
  }

  /** Takes our finalizer away; the server removes the namespace when none is left. */
  private async finalize(name: string): Promise<void> {
    const { client } = this.context
    const namespace = await client.find(namespaceResource, { name })
    if (!namespace || namespace.metadata.deletionTimestamp === undefined) return
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
    try {
      await client.update(namespaceResource, { ...namespace, spec: { ...namespace.spec, finalizers } }, 'finalize')
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
  }
}

const ALL_VERBS = ['delete', 'deletecollection', 'list']
