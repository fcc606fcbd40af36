/**
 * Vocabulary of the watch cache: one per stored resource, fed by the store's published changes; serves every get, list and
 * watch. Keys here are the resource's own: `namespace/name` or `name`. Rules with numbers: SPEC.md.
 */

import type { KubernetesObject } from '../api/object.ts'
import type { Encoded } from '../wire/encoded.ts'
import type { WatchEventType } from '../wire/exchange.ts'
import type { WantedRevision } from './resource-version.ts'

export type Item = Encoded<KubernetesObject>

/** Decides whether an object is in a list or watch; undefined means all. Made by the registry from label and field selectors. */
export interface Filter {
  matches(object: KubernetesObject): boolean
  /** A label that must have this value, when the selector demands one: lets a list use an index. */
  readonly label?: { readonly key: string; readonly value: string }
}

export interface ListOptions {
  readonly namespace?: string
  readonly filter?: Filter
  /** 0 or undefined: no limit. */
  readonly limit?: number
  /** Opaque token of an earlier page. ApiError 410 Expired when its snapshot is gone, 400 when it is broken. */
  readonly continue?: string
  /** As sent: undefined, '0' or a number. ApiError 400 when invalid, 504 Timeout for a future one, 410 when too old (Exact). */
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan'
}

export interface ListResult {
  readonly items: readonly Item[]
  readonly revision: number
  readonly continue?: string
  readonly remainingItemCount?: number
}

/** An event before it is rendered; the handler turns it into a WatchFrame of the representation asked for (memoised on `item`). */
export interface CacheEvent {
  readonly type: WatchEventType
  /** For DELETED through a selector: the old object with the new revision. For ERROR: the Status. For BOOKMARK: undefined. */
  readonly item: Item | undefined
  readonly revision: number
  /** Part of the state at the start of the watch: bounded by that state, so a sink should not count it as falling behind. */
  readonly initial?: boolean
  /** BOOKMARK that ends the initial events. */
  readonly initialEventsEnd?: boolean
}

export interface WatchOptions {
  readonly namespace?: string
  readonly filter?: Filter
  /** undefined or '0': initial ADDED events of the present state first. Number: changes after it; ERROR 410 as first event when too old. */
  readonly resourceVersion?: string
  readonly bookmarks?: boolean
  readonly sendInitialEvents?: boolean
  /** The watch ends by itself after this time. */
  readonly timeoutMs?: number
}

export interface EventSink {
  /** False: the receiver is full; the watcher is dropped with an ERROR event (410) and counted. */
  event(event: CacheEvent): boolean
  end(): void
}

export interface WatchCache {
  readonly revision: number
  get(key: string): Item | undefined
  list(options: ListOptions): Promise<ListResult> | ListResult
  /** The sink is never called from within `watch`; the first events come a microtask later. Throws ApiError for a bad version. */
  watch(options: WatchOptions, sink: EventSink): () => void
  /** Watchers that were dropped because their sink was full. */
  readonly dropped: number
  /** Resolves when `revision` is published (used after a write, and for NotOlderThan); rejects with 504 after the timeout. */
  waitFor(revision: WantedRevision, timeoutMs: number): Promise<void>
}
