/** Keeps the EndpointSlices of Services. Thin: `plan.ts` decides. Nothing is gathered up: an ending pod is marked at once. */
import { keyOf } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import type { Node, Pod, Service } from '../../api/types/core-v1.gen.ts'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { involved, type Recorder } from '../../client/events.ts'
import type { Informer } from '../../client/informer.ts'
import { nodes, pods, services } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { ManagedSlices, type SlicePlan } from '../managed-slices.ts'
import { ServiceBackends } from '../service-backends.ts'
import { hasPods } from '../service-endpoints.ts'
import { Spacing } from '../spacing.ts'
import { TriggerTimes } from '../trigger-times.ts'
import { identityOf, MANAGER, planSlices, ZONE } from './plan.ts'

export async function startEndpointSlice(context: ControllerContext): Promise<void> {
  await new EndpointSliceController(context).start()
}

class EndpointSliceController {
  private readonly context: ControllerContext
  private readonly services: Informer<Service>
  private readonly pods: Informer<Pod>
  private readonly nodes: Informer<Node>
  private readonly backends: ServiceBackends
  private readonly managed: ManagedSlices
  private readonly spacing: Spacing
  private readonly triggers = new TriggerTimes()
  private readonly recorder: Recorder
  private readonly controller: Controller

  constructor(context: ControllerContext) {
    this.context = context
    const { informers } = context
    this.services = informers.informer(services)
    this.pods = informers.informer(pods)
    this.nodes = informers.informer(nodes)
    this.backends = new ServiceBackends(this.services, this.pods)
    this.managed = new ManagedSlices(context, MANAGER)
    this.spacing = new Spacing(context.clock)
    this.recorder = newRecorder(context, 'endpoint-slice-controller')
    this.controller = newController(context, 'endpointslice', (key) => this.reconcile(key))
  }

  async start(): Promise<void> {
    this.backends.watch((key) => this.controller.enqueue(key))
    this.managed.watch((key) => this.controller.enqueue(key))
    const zone = ({ metadata }: Node) => metadata.labels?.[ZONE]
    this.nodes.on({
      add: () => this.enqueueAll(),
      update: (node, old) => zone(node) !== zone(old) && this.enqueueAll(),
    })
    await this.controller.start(this.services.synced, this.pods.synced, this.managed.synced, this.nodes.synced)
  }

  private enqueueAll(): void {
    for (const service of this.services.lister.values()) this.controller.enqueue(keyOf(service))
  }

  private async reconcile(key: string): Promise<Outcome> {
    const service = this.services.lister.get(key)
    const existing = this.managed.of(key)
    if (!service) {
      this.triggers.forget(key)
      // The garbage collector would do it too, a little later.
      await this.managed.apply({ create: [], update: [], delete: existing })
      return done
    }
    if (!hasPods(service) || service.metadata.deletionTimestamp !== undefined) return done
    const wait = this.spacing.wait(key)
    if (wait > 0) return after(wait)
    const selected = this.backends.podsOf(service)
    this.spacing.worked(key, selected.length)
    const plan = planSlices(service, selected, existing, {
      nodeOf: (name) => this.nodes.lister.get(name),
      trigger: this.triggers.next(key, service, selected),
    })
    try {
      await this.managed.apply(plan)
    } catch (error) {
      if (isApiError(error, 'Forbidden')) return done
      const message = `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`
      if (!isApiError(error, 'Conflict'))
        this.recorder.event(involved(services, service), 'Warning', 'FailedToUpdateEndpointSlices', message)
      throw error
    }
    this.traceChanges(keyOf(service), existing, plan)
    return done
  }

  /** One step for each endpoint that became ready, began to end, or is gone. */
  private traceChanges(service: string, existing: readonly EndpointSlice[], plan: SlicePlan): void {
    if (plan.create.length + plan.update.length + plan.delete.length === 0) return
    const untouched = existing.filter(
      (slice) => !plan.delete.includes(slice) && !plan.update.some((next) => next.metadata.uid === slice.metadata.uid),
    )
    const before = endpointsIn(existing)
    const after = endpointsIn([...untouched, ...plan.update, ...plan.create])
    for (const [identity, endpoint] of after) {
      const { ready, serving = false, terminating } = endpoint.conditions ?? {}
      const old = before.get(identity)?.conditions
      const object = podOf(endpoint)
      if (ready && !terminating && !old?.ready)
        this.context.tracer.emit('endpoint-added', object, { detail: { service } })
      if (terminating && !old?.terminating)
        this.context.tracer.emit('endpoint-terminating', object, { detail: { service, serving } })
    }
    for (const [identity, endpoint] of before)
      if (!after.has(identity)) this.context.tracer.emit('endpoint-removed', podOf(endpoint), { detail: { service } })
  }
}

function endpointsIn(slices: readonly EndpointSlice[]): Map<string, Endpoint> {
  return new Map(slices.flatMap((slice) => slice.endpoints ?? []).map((endpoint) => [identityOf(endpoint), endpoint]))
}

function podOf({ targetRef }: Endpoint): string {
  return `pod ${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}`
}
