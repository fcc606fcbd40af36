/** Keeps the EndpointSlices of Services. Thin: `plan.ts` decides. Nothing is gathered up: an ending pod is marked at once. */
import { keyOf } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import type { Node, Pod, Service } from '../../api/types/core-v1.gen.ts'
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { involved, type Recorder } from '../../client/events.ts'
import type { Informer } from '../../client/informer.ts'
import { endpointSlices, nodes, pods, services } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { deleteQuietly } from '../quietly.ts'
import { ServiceBackends } from '../service-backends.ts'
import { hasPods } from '../service-endpoints.ts'
import { Spacing } from '../spacing.ts'
import { Written } from '../written.ts'
import { identityOf, MANAGED_BY, MANAGER, planSlices, SERVICE_NAME, type SlicePlan } from './plan.ts'

const ZONE = 'topology.kubernetes.io/zone'

export async function startEndpointSlice(context: ControllerContext): Promise<void> {
  await new EndpointSliceController(context).start()
}

class EndpointSliceController {
  private readonly context: ControllerContext
  private readonly services: Informer<Service>
  private readonly pods: Informer<Pod>
  private readonly slices: Informer<EndpointSlice>
  private readonly nodes: Informer<Node>
  private readonly backends: ServiceBackends
  private readonly written: Written<EndpointSlice>
  private readonly spacing: Spacing
  private readonly recorder: Recorder
  private readonly controller: Controller

  constructor(context: ControllerContext) {
    this.context = context
    const { informers } = context
    this.services = informers.informer(services)
    this.pods = informers.informer(pods)
    this.slices = informers.informer(endpointSlices)
    this.nodes = informers.informer(nodes)
    this.backends = new ServiceBackends(this.services, this.pods)
    this.written = new Written(this.slices)
    this.spacing = new Spacing(context.clock)
    this.recorder = newRecorder(context, 'endpoint-slice-controller')
    this.controller = newController(context, 'endpointslice', (key) => this.reconcile(key))
  }

  async start(): Promise<void> {
    this.backends.watch((key) => this.controller.enqueue(key))
    const sliceChanged = (slice: EndpointSlice) => {
      const service = slice.metadata.labels?.[SERVICE_NAME]
      if (service && isOurs(slice)) this.controller.enqueue(`${slice.metadata.namespace ?? ''}/${service}`)
    }
    this.slices.on({ add: sliceChanged, update: sliceChanged, delete: sliceChanged })
    await this.controller.start(this.services.synced, this.pods.synced, this.slices.synced, this.nodes.synced)
  }

  private async reconcile(key: string): Promise<Outcome> {
    const service = this.services.lister.get(key)
    const existing = this.slicesOf(key)
    if (!service) {
      // The garbage collector would do it too, a little later.
      await Promise.all(existing.map((slice) => this.delete(slice)))
      return done
    }
    if (!hasPods(service) || service.metadata.deletionTimestamp !== undefined) return done
    const wait = this.spacing.wait(key)
    if (wait > 0) return after(wait)
    const zoneOf = (node: string) => this.nodes.lister.get(node)?.metadata.labels?.[ZONE]
    const selected = this.backends.podsOf(service)
    this.spacing.worked(key, selected.length)
    const plan = planSlices(service, selected, existing, zoneOf)
    try {
      await this.apply(plan)
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

  private slicesOf(key: string): EndpointSlice[] {
    const [namespace, name] = key.split('/')
    const belongs = (slice: EndpointSlice) =>
      slice.metadata.namespace === namespace && slice.metadata.labels?.[SERVICE_NAME] === name && isOurs(slice)
    const cached = this.slices.lister.labelled(SERVICE_NAME, name ?? '').filter(belongs)
    return this.written.correct(cached, belongs).filter((slice) => slice.metadata.deletionTimestamp === undefined)
  }

  private async apply(plan: SlicePlan): Promise<void> {
    const { client } = this.context
    for (const slice of plan.create) this.written.wrote(await client.create(endpointSlices, slice))
    for (const slice of plan.update) {
      try {
        this.written.wrote(await client.update(endpointSlices, slice))
      } catch (error) {
        if (isApiError(error, 'NotFound')) this.written.deleted(slice)
        throw error
      }
    }
    for (const slice of plan.delete) await this.delete(slice)
  }

  private async delete(slice: EndpointSlice): Promise<void> {
    const { uid = '' } = slice.metadata
    await deleteQuietly(this.context.client, endpointSlices, slice, { preconditions: { uid } })
    this.written.deleted(slice)
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

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY] === MANAGER
}

function endpointsIn(slices: readonly EndpointSlice[]): Map<string, Endpoint> {
  return new Map(slices.flatMap((slice) => slice.endpoints ?? []).map((endpoint) => [identityOf(endpoint), endpoint]))
}

function podOf({ targetRef }: Endpoint): string {
  return `pod ${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}`
}
