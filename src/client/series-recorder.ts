/**
 * Records events in the newer way of events.k8s.io, as the scheduler does: with an action, and repeats as a series on the
 * first event instead of a count. Recording never fails or delays the caller. Rules with numbers: SPEC.md [EV*].
 */
import { ApiError } from '../api/status.ts'
import { rfc3339Micro } from '../api/time.ts'
import type { Event } from '../api/types/events-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ApiClient, Resource } from './api-client.ts'
import type { EventType, Involved } from './events.ts'

/** An event that comes again within this time goes on the series. */
const SERIES_INTERVAL_MS = 360_000
/** Events remembered for their series; the oldest is forgotten. */
const REMEMBERED_MAX = 1000
/** Events waiting to be written; more are dropped. */
const WAITING_MAX = 1000

const EVENTS: Resource<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

export interface SeriesRecorderOptions {
  readonly client: ApiClient
  readonly clock: Clock
  readonly lifetime: Lifetime
  /** e.g. `default-scheduler` */
  readonly controller: string
  /** e.g. `default-scheduler-host` */
  readonly instance: string
}

export interface Occurrence {
  readonly type: EventType
  readonly reason: string
  readonly action: string
  readonly note: string
}

interface Known {
  readonly event: Event
  count: number
  lastAt: number
}

export class SeriesRecorder {
  private readonly options: SeriesRecorderOptions
  private readonly known = new Map<string, Known>()
  private readonly waiting: (() => Promise<unknown>)[] = []
  private writing: Promise<void> | undefined
  private lastNanos = 0n
  /** Events given up because too many were waiting. */
  dropped = 0

  constructor(options: SeriesRecorderOptions) {
    this.options = options
    options.lifetime.add(`events of ${options.controller}`, () => this.writing)
  }

  event(regarding: Involved, occurrence: Occurrence): void {
    const now = this.options.clock.now()
    const key = [regarding.kind, regarding.uid, occurrence.type, occurrence.reason, occurrence.note].join('/')
    const known = this.known.get(key)
    if (known && now - known.lastAt <= SERIES_INTERVAL_MS) {
      known.count++
      known.lastAt = now
      this.later(() => this.extend(known))
      return
    }
    const event = this.make(regarding, occurrence, now)
    this.known.delete(key)
    this.known.set(key, { event, count: 1, lastAt: now })
    const oldest = this.known.size > REMEMBERED_MAX ? this.known.keys().next() : undefined
    if (oldest && !oldest.done) this.known.delete(oldest.value)
    this.later(() => this.options.client.create(EVENTS, event))
  }

  private make(regarding: Involved, occurrence: Occurrence, now: number): Event {
    const nanos = BigInt(Math.floor(now * 1000)) * 1000n
    this.lastNanos = nanos > this.lastNanos ? nanos : this.lastNanos + 1n
    const { controller, instance } = this.options
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: {
        name: `${regarding.name}.${this.lastNanos.toString(16)}`,
        namespace: regarding.namespace ?? 'default',
      },
      eventTime: rfc3339Micro(now),
      regarding,
      ...occurrence,
      reportingController: controller,
      reportingInstance: instance,
    }
  }

  private extend({ event, count, lastAt }: Known): Promise<unknown> {
    const { namespace = '', name = '' } = event.metadata
    const patch = { series: { count, lastObservedTime: rfc3339Micro(lastAt) } }
    return this.options.client.patch(EVENTS, { namespace, name }, patch, { type: 'merge' })
  }

  private later(write: () => Promise<unknown>): void {
    if (this.waiting.length >= WAITING_MAX || this.options.lifetime.closed) {
      this.dropped++
      return
    }
    this.waiting.push(write)
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined
    })
  }

  private async writeAll(): Promise<void> {
    for (let write = this.waiting.shift(); write; write = this.waiting.shift()) {
      try {
        await write()
      } catch (error) {
        // A server that cannot be reached loses events: they are notes, and it has its own worries.
        if (!(error instanceof ApiError)) this.dropped++
      }
    }
  }
}
