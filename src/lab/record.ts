/**
 * Records what happens to the pods of an app, on one clock: the trace events of ebb (API server, kubelet, controllers, proxy),
 * what can be seen from outside by watching pods and EndpointSlices (on any cluster), and the requests of a load.
 *
 * Where the trace tells a step, what the watch saw of it is left out: the trace is closer to the deed. Only its time counts when it
 * is the earlier one.
 */
import { isConditionTrue } from '../api/conditions.ts'
import { keyOf } from '../api/object.ts'
import type { EbbTraceEvent, Step } from '../api/trace-steps.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Informers } from '../client/informer.ts'
import { endpointSlices, pods } from '../client/resources.ts'
import type { RequestRecord } from './load.ts'

/** Subscribes to a stream of trace events; returns the end of the subscription. */
export type TraceSource = (sink: (event: EbbTraceEvent) => void) => () => void

/** What was recorded of a span of time. Times are ms since 1970. */
export interface Recording {
  /** In the order of their times. */
  readonly events: readonly EbbTraceEvent[]
  /** In the order of their due times. */
  readonly requests: readonly RequestRecord[]
  /** Addresses of pods, `namespace/name` -> IP; also of pods that are gone. */
  readonly addresses: ReadonlyMap<string, string>
}

export interface RecorderOptions {
  readonly informers: Informers
  readonly clock: Clock
  readonly namespace: string
  /** Label selector of the pods; their slices are those of `service`. */
  readonly podSelector: string
  readonly service: string
  readonly trace?: TraceSource
}

const WATCHED = 'watch'
/** What the trace tells and a watch showed up to so many ms before is one and the same. */
const TOLD_LATE_MS = 200
/** Events and requests kept; a recording that is fuller drops the newest and says so in `dropped`. */
const RECORDS_MAX = 500_000

export class Recorder {
  dropped = 0
  private readonly options: RecorderOptions
  private readonly events: EbbTraceEvent[] = []
  private readonly requests: RequestRecord[] = []
  private readonly addresses = new Map<string, string>()
  private readonly stops: (() => void)[] = []

  constructor(options: RecorderOptions) {
    this.options = options
  }

  /** Resolves when the watches have begun. */
  async start(): Promise<void> {
    const { informers, namespace, podSelector, service, trace } = this.options
    if (trace) this.stops.push(trace((event) => this.keep(event)))
    const podInformer = informers.informer(pods, { namespace, labelSelector: podSelector })
    const sliceInformer = informers.informer(endpointSlices, {
      namespace,
      labelSelector: `kubernetes.io/service-name=${service}`,
    })
    this.stops.push(
      podInformer.on({
        add: (pod) => this.podChanged(undefined, pod),
        update: (pod, old) => this.podChanged(old, pod),
        delete: (pod) => this.see('delete-removed', podName(pod)),
      }),
      sliceInformer.on({
        add: (slice) => this.sliceChanged(undefined, slice),
        update: (slice, old) => this.sliceChanged(old, slice),
        delete: (slice) => this.sliceChanged(slice, undefined),
      }),
    )
    await Promise.all([podInformer.synced, sliceInformer.synced])
  }

  readonly request = (request: RequestRecord): void => {
    if (this.requests.length < RECORDS_MAX) this.requests.push(request)
    else this.dropped++
  }

  /** What was recorded between two times: events of the pods and the Service by their times, requests by their due times. */
  between(fromMs: number, untilMs: number): Recording {
    const inside = (at: number) => at >= fromMs && at < untilMs
    return {
      events: this.merged().filter((event) => inside(event.at)),
      requests: this.requests.filter((r) => inside(r.dueAt)).sort((a, b) => a.dueAt - b.dueAt),
      addresses: this.addresses,
    }
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop()
  }

  private merged(): readonly EbbTraceEvent[] {
    const service = `${this.options.namespace}/${this.options.service}`
    const ours = this.events.filter((event) => this.isOurs(event, service))
    const watched = ours.filter((event) => event.component === WATCHED)
    const traced = ours.filter((event) => event.component !== WATCHED)
    const told = new Set(traced.map(identity))
    return [
      ...traced.map((event) => notAfter(event, watched)),
      ...watched.filter((event) => !told.has(identity(event))),
    ].sort((a, b) => a.at - b.at)
  }

  private isOurs(event: EbbTraceEvent, service: string): boolean {
    if (event.object === `service ${service}`) return true
    return this.addresses.has(event.object.replace(/^pod /, ''))
  }

  private keep(event: EbbTraceEvent): void {
    if (this.events.length < RECORDS_MAX) this.events.push(event)
    else this.dropped++
  }

  private see(step: Step, object: string, detail?: EbbTraceEvent['detail']): void {
    this.keep({ at: this.options.clock.now(), component: WATCHED, step, object, ...(detail ? { detail } : {}) })
  }

  private podChanged(old: Pod | undefined, pod: Pod): void {
    const object = podName(pod)
    const ip = pod.status?.podIP
    const key = keyOf(pod)
    if (ip || !this.addresses.has(key)) this.addresses.set(key, ip ?? '')
    if (isReady(pod) && !(old && isReady(old))) this.see('pod-ready', object)
    const grace = pod.metadata.deletionGracePeriodSeconds ?? 0
    if (pod.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp) this.see('delete-marked', object, { grace })
    for (const { name, state } of pod.status?.containerStatuses ?? []) {
      const before = old?.status?.containerStatuses?.find((status) => status.name === name)
      if (state?.terminated && !before?.state?.terminated)
        this.see('container-exited', object, { container: name, code: state.terminated.exitCode })
    }
  }

  private sliceChanged(old: EndpointSlice | undefined, slice: EndpointSlice | undefined): void {
    const service = `${this.options.namespace}/${this.options.service}`
    const before = conditionsOf(old)
    const after = conditionsOf(slice)
    for (const [object, { ready, serving, terminating }] of after) {
      const was = before.get(object)
      if (ready && !terminating && !was?.ready) this.see('endpoint-added', object, { service })
      if (terminating && !was?.terminating)
        this.see('endpoint-terminating', object, { service, serving: serving ?? false })
    }
    for (const object of before.keys()) if (!after.has(object)) this.see('endpoint-removed', object, { service })
  }
}

const podName = (pod: Pod) => `pod ${keyOf(pod)}`

function isReady(pod: Pod): boolean {
  return isConditionTrue(pod.status, 'Ready')
}

interface Conditions {
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}

function conditionsOf(slice: EndpointSlice | undefined): Map<string, Conditions> {
  const found = new Map<string, Conditions>()
  for (const { targetRef, conditions } of slice?.endpoints ?? [])
    if (targetRef?.kind === 'Pod') found.set(`pod ${targetRef.namespace}/${targetRef.name}`, conditions ?? {})
  return found
}

/** A kubelet tells of what it wrote when it hears that it was written: what a watch has shown by then had happened before. */
function notAfter(event: EbbTraceEvent, watched: readonly EbbTraceEvent[]): EbbTraceEvent {
  const isSame = (seen: EbbTraceEvent) => identity(seen) === identity(event)
  const seen = watched.find((seen) => seen.at < event.at && seen.at > event.at - TOLD_LATE_MS && isSame(seen))
  return seen ? { ...event, at: seen.at } : event
}

/** Two events with the same identity tell of the same thing. */
function identity({ step, object, detail }: EbbTraceEvent): string {
  return `${step} ${object} ${step === 'container-exited' ? detail?.container : ''}`
}
