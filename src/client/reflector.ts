/**
 * Keeps a receiver equal to a resource on the server: list, then watch from the list's revision, then watch again from the
 * last revision seen. Level-triggered: a receiver sees states, not every event; after a gap it is given the whole present
 * state once more. Rules with numbers: SPEC.md [RF*].
 *
 *   list -> replace(items) -> watch(rv) -> apply... -> end -> watch(last rv) ... -> 410 -> list -> replace(items) -> ...
 */

import type { KubernetesObject } from '../api/object.ts'
import { ApiError, type Status } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { type ApiClient, asError, type ListQuery, type Resource } from './api-client.ts'
import { Backoff } from './backoff.ts'
import type { WatchEvent } from './transport.ts'

/** First and longest wait before a failed list or watch is tried again. */
const RETRY_BASE_MS = 50
const RETRY_MAX_MS = 30_000
/** A watch ends by itself after this time up to twice as long, so that no server keeps all its watchers for ever. */
const WATCH_TIMEOUT_SECONDS = 300

/** A watch that lasted this long worked, even if nothing happened. */
const WATCH_WORKED_MS = 1000

export interface ReflectorSink<T extends KubernetesObject> {
  /** The whole present state. */
  replace(objects: readonly T[]): void
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void
  /** Everything up to this revision has been handed on. */
  reached(revision: string): void
}

export interface ReflectorSeams {
  readonly client: ApiClient
  readonly clock: Clock
  readonly random: Random
  /** Aborting it ends the loop and the watch. */
  readonly signal: AbortSignal
  /** Told of every failure that leads to a retry. */
  readonly failed?: (error: unknown) => void
}

type WatchEnd = { readonly expired: boolean; readonly error?: unknown }

/** Runs until `seams.signal` aborts; never rejects. */
export function reflect<T extends KubernetesObject>(
  resource: Resource<T>,
  query: ListQuery,
  sink: ReflectorSink<T>,
  seams: ReflectorSeams,
): Promise<void> {
  return new Reflection(resource, query, sink, seams).run()
}

class Reflection<T extends KubernetesObject> {
  private readonly resource: Resource<T>
  private readonly query: ListQuery
  private readonly sink: ReflectorSink<T>
  private readonly seams: ReflectorSeams
  private readonly backoff: Backoff
  /** The last one seen; undefined: a list is needed. */
  private revision: string | undefined
  /** Of the present watch. */
  private events = 0

  constructor(resource: Resource<T>, query: ListQuery, sink: ReflectorSink<T>, seams: ReflectorSeams) {
    this.resource = resource
    this.query = query
    this.sink = sink
    this.seams = seams
    this.backoff = new Backoff(seams.random, { baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS })
  }

  async run(): Promise<void> {
    const { clock, signal, failed } = this.seams
    while (!signal.aborted) {
      try {
        await this.listOnce()
        const began = clock.monotonic()
        const end = await this.watchOnce()
        if (end.expired) this.revision = undefined
        const worked = this.events > 0 || clock.monotonic() - began >= WATCH_WORKED_MS
        if (worked) this.backoff.reset()
        if (end.error !== undefined) throw end.error
        // A server that ends watches at once must not be asked in a tight loop.
        if (!worked) await sleep(clock, this.backoff.next(), signal)
      } catch (error) {
        if (signal.aborted) return
        failed?.(error)
        if (error instanceof ApiError && error.code === 410) this.revision = undefined
        await sleep(clock, retryDelay(error, this.backoff), signal)
      }
    }
  }

  private async listOnce(): Promise<void> {
    if (this.revision !== undefined) return
    const list = await this.seams.client.list(this.resource, this.query)
    if (this.seams.signal.aborted) return
    this.sink.replace(list.items)
    this.reach(list.metadata.resourceVersion ?? '0')
  }

  /** One watch from the last revision on, until it ends. Rejects when it could not be opened. */
  private async watchOnce(): Promise<WatchEnd> {
    const { client, random, signal } = this.seams
    this.events = 0
    let finish: (end: WatchEnd) => void = () => {}
    const ended = new Promise<WatchEnd>((resolve) => {
      finish = resolve
    })
    let live = true
    const query = {
      ...this.query,
      resourceVersion: this.revision ?? '0',
      allowWatchBookmarks: true,
      timeoutSeconds: WATCH_TIMEOUT_SECONDS + random.int(WATCH_TIMEOUT_SECONDS),
    }
    const opened = await client.watch(
      this.resource,
      query,
      {
        event: (event) => {
          const end = live ? this.event(event) : undefined
          if (end) finish(end)
        },
        end: (error) => finish({ expired: false, ...(error ? { error } : {}) }),
      },
      signal,
    )
    if (opened.status !== 200) throw asError(opened.status, opened.body)
    const abort = () => finish({ expired: false })
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const end = await ended
    live = false
    signal.removeEventListener('abort', abort)
    opened.stop()
    return end
  }

  /** Hands an event on; returns the end of the watch when the event is an error. */
  private event(event: WatchEvent<unknown>): WatchEnd | undefined {
    if (event.type === 'ERROR') {
      const status = event.object as Status
      const error = asError(status.code ?? 500, status)
      return error.code === 410 ? { expired: true } : { expired: false, error }
    }
    this.events++
    const object = event.object as T
    if (event.type !== 'BOOKMARK') this.sink.apply(event.type, object)
    if (object.metadata.resourceVersion) this.reach(object.metadata.resourceVersion)
    return undefined
  }

  private reach(revision: string): void {
    this.revision = revision
    this.sink.reached(revision)
  }
}

/** What the server asked for (Retry-After), or the back-off. */
function retryDelay(error: unknown, backoff: Backoff): number {
  const seconds = error instanceof ApiError ? error.status.details?.retryAfterSeconds : undefined
  return Math.max(seconds ? seconds * 1000 : 0, backoff.next())
}
