/**
 * The proxy of one node: watches Services and EndpointSlices, plans, lets the dataplane carry it out. Thin: what to do is
 * `plan.ts`, how is the dataplane's. While one plan is being carried out changes gather, and the next one has them all.
 */
import { keyOf } from '../api/object.ts'
import type { EbbTracer } from '../api/trace-steps.ts'
import type { Service } from '../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Informers } from '../client/informer.ts'
import { endpointSlices, services } from '../client/resources.ts'
import type { Dataplane } from './dataplane.ts'
import { type ProxyPlan, planOf, planService, type ServicePort, serviceOf } from './plan.ts'

export interface ServiceProxySeams {
  readonly informers: Informers
  readonly dataplane: Dataplane
  readonly clock: Clock
  readonly trace: EbbTracer
  readonly lifetime: Lifetime
  readonly nodeName: string
  /** Told of a plan that could not be carried out; it is tried again. */
  readonly failed?: (error: unknown) => void
}

/** A failed plan is tried again after this long, doubling up to the maximum, in ms. */
const RETRY_MS = 100
const RETRY_MAX_MS = 10_000

export class ServiceProxy {
  private readonly seams: ServiceProxySeams
  private readonly slicesOf = new Map<string, Map<string, EndpointSlice>>()
  private readonly services = new Map<string, Service>()
  private readonly planned = new Map<string, readonly ServicePort[]>()
  private readonly dirty = new Set<string>()
  /** Service -> the backends' addresses that its rules name, as the trace was told. */
  private readonly inForce = new Map<string, string>()
  private wake: () => void = () => {}
  private current: ProxyPlan = new Map()

  constructor(seams: ServiceProxySeams) {
    this.seams = seams
  }

  /** The plan in force. */
  get plan(): ProxyPlan {
    return this.current
  }

  /** Resolves when the first plan, made of everything there was, is in force. The proxy goes on until its lifetime ends. */
  async start(): Promise<void> {
    const { informers, lifetime } = this.seams
    const serviceInformer = informers.informer(services)
    const sliceInformer = informers.informer(endpointSlices)
    lifetime.add('service handlers', serviceInformer.on(this.serviceHandlers))
    lifetime.add('slice handlers', sliceInformer.on(this.sliceHandlers))
    lifetime.add('proxy loop', () => this.wake())
    await Promise.all([serviceInformer.synced, sliceInformer.synced])
    if (lifetime.signal.aborted) return
    await this.carryOut()
    void this.run()
  }

  private readonly serviceHandlers = {
    add: (service: Service) => this.touchService(service),
    update: (service: Service) => this.touchService(service),
    delete: (service: Service) => {
      this.services.delete(keyOf(service))
      this.mark(keyOf(service))
    },
  }

  private readonly sliceHandlers = {
    add: (slice: EndpointSlice) => this.touchSlice(slice),
    update: (slice: EndpointSlice, old: EndpointSlice) => {
      if (serviceOf(old) !== serviceOf(slice)) this.dropSlice(old)
      this.touchSlice(slice)
    },
    delete: (slice: EndpointSlice) => this.dropSlice(slice),
  }

  private touchService(service: Service): void {
    this.services.set(keyOf(service), service)
    this.mark(keyOf(service))
  }

  private touchSlice(slice: EndpointSlice): void {
    const service = serviceOf(slice)
    if (!service) return
    const known = this.slicesOf.get(service) ?? new Map<string, EndpointSlice>()
    this.slicesOf.set(service, known.set(keyOf(slice), slice))
    this.mark(service)
  }

  private dropSlice(slice: EndpointSlice): void {
    const service = serviceOf(slice)
    if (!service) return
    const known = this.slicesOf.get(service)
    known?.delete(keyOf(slice))
    if (known?.size === 0) this.slicesOf.delete(service)
    this.mark(service)
  }

  private mark(service: string): void {
    this.dirty.add(service)
    this.wake()
  }

  private async run(): Promise<void> {
    const { clock, lifetime } = this.seams
    let retryMs = RETRY_MS
    while (!lifetime.signal.aborted) {
      if (this.dirty.size === 0) await this.changed()
      if (lifetime.signal.aborted) return
      if (await this.carryOut()) retryMs = RETRY_MS
      else {
        await sleep(clock, retryMs, lifetime.signal)
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
      }
    }
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  /** Plans the Services that changed and has it carried out; false when that failed (they stay marked). */
  private async carryOut(): Promise<boolean> {
    const { dataplane, nodeName, failed } = this.seams
    const marked = [...this.dirty]
    this.dirty.clear()
    for (const key of marked) {
      const service = this.services.get(key)
      const ports = service ? planService(service, [...(this.slicesOf.get(key)?.values() ?? [])], nodeName) : []
      if (ports.length > 0) this.planned.set(key, ports)
      else this.planned.delete(key)
    }
    const plan = planOf([...this.planned.values()].flat())
    try {
      await dataplane.apply(plan)
    } catch (error) {
      for (const key of marked) this.dirty.add(key)
      failed?.(error)
      return false
    }
    this.current = plan
    for (const key of marked) this.report(key)
    return true
  }

  /** One trace event for a Service whose backends are others than before. */
  private report(service: string): void {
    const before = this.inForce.get(service) ?? ''
    const ips = (this.planned.get(service) ?? []).flatMap((port) => port.cluster.backends.map((backend) => backend.ip))
    const backends = [...new Set(ips)].sort().join(',')
    if (before === backends) return
    if (this.planned.has(service)) this.inForce.set(service, backends)
    else this.inForce.delete(service)
    this.seams.trace.emit('rules-changed', `service ${service}`, {
      detail: { service, backends, node: this.seams.nodeName },
    })
  }
}
