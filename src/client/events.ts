/**
 * Records events the way Kubernetes' components do: the same event again counts up the one that is there, many similar ones
 * are combined, one noisy object cannot flood the server, and recording never fails or delays the caller.
 * Rules with numbers: SPEC.md [EV*].
 */

import type { KubernetesObject } from '../api/object.ts'
import { ApiError, isApiError } from '../api/status.ts'
import { rfc3339 } from '../api/time.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ApiClient, Resource } from './api-client.ts'

/** Events waiting to be written; more are dropped. */
const EVENTS_WAITING_MAX = 1000
/** Events remembered for counting up; the one unused for longest is forgotten. */
const EVENTS_REMEMBERED_MAX = 4096
/** From this many different messages of one reason on, within the interval, events are combined. */
const SIMILAR_MAX = 10
const SIMILAR_INTERVAL_MS = 600_000
/** Events of one source and object: a burst, then one each 300 s. */
const BURST_PER_OBJECT = 25
const REFILL_INTERVAL_MS = 300_000
const WRITE_ATTEMPTS_MAX = 12
const WRITE_RETRY_MS = 10_000

/** Whom an event is about. uid and resourceVersion may be left out. */
export interface Involved {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  readonly resourceVersion?: string
  /** e.g. `spec.containers{app}` */
  readonly fieldPath?: string
}

export type EventType = 'Normal' | 'Warning'

export interface EventRecorder {
  event(involved: Involved, type: EventType, reason: string, message: string): void
}

/** An Event of core/v1, as far as it is written here. */
interface EventObject extends KubernetesObject {
  readonly involvedObject: Involved
  readonly reason: string
  readonly message: string
  readonly type: EventType
  readonly source: { readonly component: string; readonly host?: string }
  readonly firstTimestamp: string
  readonly lastTimestamp: string
  readonly count: number
  readonly reportingComponent: string
  readonly reportingInstance: string
  readonly eventTime: null
}

const EVENTS: Resource<EventObject> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }

/** The reference of an object for an event; `resource` supplies kind and version, which objects in lists do not carry. */
export function involved(resource: Resource, object: KubernetesObject, fieldPath?: string): Involved {
  const { namespace, name = '', uid, resourceVersion } = object.metadata
  return {
    apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version,
    kind: resource.kind,
    ...(namespace ? { namespace } : {}),
    name,
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  }
}

export interface RecorderOptions {
  readonly client: ApiClient
  readonly clock: Clock
  readonly lifetime: Lifetime
  /** e.g. `deployment-controller`, `kubelet`. */
  readonly component: string
  /** The node's name, for components of a node. */
  readonly host?: string
}

interface Remembered {
  name: string
  count: number
  firstTimestamp: string
}

interface Similar {
  readonly messages: Set<string>
  lastAt: number
}

/** Small map that forgets its oldest entry. */
class Recent<V> {
  private readonly entries = new Map<string, V>()

  get(key: string): V | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.entries.set(key, value)
    if (this.entries.size <= EVENTS_REMEMBERED_MAX) return
    const oldest = this.entries.keys().next()
    if (!oldest.done) this.entries.delete(oldest.value)
  }
}

type Waiting = { readonly key: string; readonly event: EventObject }

export class Recorder implements EventRecorder {
  private readonly options: RecorderOptions
  private readonly remembered = new Recent<Remembered>()
  private readonly similar = new Recent<Similar>()
  private readonly tokens = new Recent<{ left: number; at: number }>()
  private readonly waiting: Waiting[] = []
  private writing: Promise<void> | undefined
  private lastNanos = 0n
  /** Events not recorded because the queue or an object's budget was full. */
  dropped = 0

  constructor(options: RecorderOptions) {
    this.options = options
    options.lifetime.add(`events of ${options.component}`, () => this.writing)
  }

  event(about: Involved, type: EventType, reason: string, message: string): void {
    const source = `${about.apiVersion}/${about.kind}/${about.namespace ?? ''}/${about.name}/${about.uid ?? ''}`
    if (!this.spend(source) || this.waiting.length >= EVENTS_WAITING_MAX || this.options.lifetime.closed) {
      this.dropped++
      return
    }
    const combined = this.isSimilar(`${source}/${type}/${reason}`, message)
    const text = combined ? `(combined from similar events): ${message}` : message
    // Combined events share one key, whatever their message.
    const key = [source, about.fieldPath ?? '', type, reason, combined ? '' : message].join('/')
    this.waiting.push({ key, event: this.make(about, type, reason, text) })
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined
    })
  }

  /** Resolves when all events recorded until now are written or given up. */
  async flushed(): Promise<void> {
    await this.writing
  }

  private spend(source: string): boolean {
    const now = this.options.clock.monotonic()
    const bucket = this.tokens.get(source) ?? { left: BURST_PER_OBJECT, at: now }
    bucket.left = Math.min(BURST_PER_OBJECT, bucket.left + (now - bucket.at) / REFILL_INTERVAL_MS)
    bucket.at = now
    const allowed = bucket.left >= 1
    if (allowed) bucket.left--
    this.tokens.set(source, bucket)
    return allowed
  }

  private isSimilar(key: string, message: string): boolean {
    const now = this.options.clock.monotonic()
    let similar = this.similar.get(key)
    if (!similar || now - similar.lastAt > SIMILAR_INTERVAL_MS) similar = { messages: new Set(), lastAt: now }
    similar.lastAt = now
    if (similar.messages.size < SIMILAR_MAX) similar.messages.add(message)
    this.similar.set(key, similar)
    return similar.messages.size >= SIMILAR_MAX
  }

  private make(about: Involved, type: EventType, reason: string, message: string): EventObject {
    const { component, host, clock } = this.options
    const now = rfc3339(clock.now())
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${about.name}.${this.suffix()}`, namespace: about.namespace ?? 'default' },
      involvedObject: about,
      reason,
      message,
      type,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? '',
      eventTime: null,
    }
  }

  /** The time in ns as hex digits, as Kubernetes names events; never the same twice. */
  private suffix(): string {
    const now = BigInt(Math.floor(this.options.clock.now() * 1000)) * 1000n
    this.lastNanos = now > this.lastNanos ? now : this.lastNanos + 1n
    return this.lastNanos.toString(16)
  }

  private async writeAll(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      for (let attempt = 1; attempt <= WRITE_ATTEMPTS_MAX && !this.options.lifetime.closed; attempt++) {
        try {
          await this.write(next)
          break
        } catch (error) {
          if (error instanceof ApiError && error.code !== 429 && error.code < 500) break
          await sleep(this.options.clock, WRITE_RETRY_MS, this.options.lifetime.signal)
        }
      }
    }
  }

  /** Counts up the event that is there, or creates it. Rejects as the client does. */
  private async write({ key, event }: Waiting): Promise<void> {
    const { client } = this.options
    const namespace = event.metadata.namespace ?? ''
    const known = this.remembered.get(key)
    if (known) {
      const patch = { count: known.count + 1, lastTimestamp: event.lastTimestamp, message: event.message }
      try {
        await client.patch(EVENTS, { namespace, name: known.name }, patch)
        known.count++
        return
      } catch (error) {
        // Expired or deleted meanwhile: it goes on under a new name with its count.
        if (!(error instanceof ApiError) || error.code !== 404) throw error
      }
    }
    const count = (known?.count ?? 0) + 1
    const firstTimestamp = known?.firstTimestamp ?? event.firstTimestamp
    const made = await this.create({ ...event, count, firstTimestamp })
    this.remembered.set(key, { name: made.metadata.name ?? '', count, firstTimestamp })
  }

  /** Under another name when somebody else recorded an event about the same object at the same instant. */
  private async create(event: EventObject): Promise<EventObject> {
    try {
      return await this.options.client.create(EVENTS, event)
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
      const name = `${event.involvedObject.name}.${this.suffix()}`
      return this.create({ ...event, metadata: { ...event.metadata, name } })
    }
  }
}
