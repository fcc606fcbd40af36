/** The watchers of one resource: each change goes once over those that can be concerned by its namespace. */
import { expired } from '../api/status.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { Encoded } from '../wire/encoded.ts'
import type { CacheEvent, EventSink, Filter, WatchOptions } from './watch-cache.ts'
import type { WindowChange } from './window.ts'

/** Time between bookmarks for watchers that asked for them, about as often as a kube-apiserver sends them. */
const BOOKMARK_INTERVAL_MS = 60_000

export interface Watcher {
  readonly namespace: string
  readonly filter: Filter | undefined
  readonly bookmarks: boolean
  readonly sink: EventSink
  /** Changes up to this revision are not for it. */
  since: number
  open: boolean
  timeout: Timer | undefined
}

export class FanOut {
  /** Watchers by namespace, '' for those of all namespaces. */
  private readonly byNamespace = new Map<string, Set<Watcher>>()
  private readonly clock: Clock
  private readonly revision: () => number
  private bookmarkTimer: Timer | undefined
  /** Open watchers that want bookmarks: while there are some, the timer runs. */
  private bookmarked = 0
  dropped = 0
  size = 0

  constructor(clock: Clock, revision: () => number) {
    this.clock = clock
    this.revision = revision
  }

  add({ namespace = '', filter, bookmarks = false, timeoutMs }: WatchOptions, sink: EventSink): Watcher {
    const watcher: Watcher = { namespace, filter, bookmarks, sink, since: 0, open: true, timeout: undefined }
    let set = this.byNamespace.get(namespace)
    if (!set) {
      set = new Set()
      this.byNamespace.set(namespace, set)
    }
    set.add(watcher)
    this.size++
    if (bookmarks && this.bookmarked++ === 0) this.startBookmarks()
    if (timeoutMs !== undefined) watcher.timeout = this.clock.setTimer(timeoutMs, () => this.expire(watcher))
    return watcher
  }

  /** Stops delivery without a word to the sink. */
  remove(watcher: Watcher): void {
    if (!watcher.open) return
    watcher.open = false
    watcher.timeout?.cancel()
    const set = this.byNamespace.get(watcher.namespace)
    set?.delete(watcher)
    if (set?.size === 0) this.byNamespace.delete(watcher.namespace)
    this.size--
    if (watcher.bookmarks && --this.bookmarked === 0) this.bookmarkTimer?.cancel()
  }

  end(watcher: Watcher): void {
    if (!watcher.open) return
    this.remove(watcher)
    watcher.sink.end()
  }

  /** A last event, an ERROR, and the end. */
  fail(watcher: Watcher, event: CacheEvent): void {
    if (!watcher.open) return
    this.remove(watcher)
    watcher.sink.event(event)
    watcher.sink.end()
  }

  endAll(): void {
    for (const watcher of this.all()) this.end(watcher)
  }

  publish(change: WindowChange): void {
    this.publishTo(this.byNamespace.get(''), change)
    if (change.namespace !== '') this.publishTo(this.byNamespace.get(change.namespace), change)
  }

  /** What `watcher` sees of a change; nothing, when neither the old nor the new object is selected. */
  deliver(watcher: Watcher, change: WindowChange): void {
    if (change.revision <= watcher.since) return
    const { filter } = watcher
    const { item, previous } = change
    const now = item !== undefined && (filter === undefined || filter.matches(item.object))
    const before = previous !== undefined && (filter === undefined || filter.matches(previous.object))
    if (now) this.send(watcher, before ? change.modified() : change.added())
    else if (before) this.send(watcher, change.gone())
  }

  /** False: the watcher was full and is gone, or was closed already. */
  send(watcher: Watcher, event: CacheEvent): boolean {
    if (!watcher.open) return false
    if (watcher.sink.event(event)) return watcher.open
    this.dropped++
    this.fail(watcher, errorEvent('the watcher was too slow and its buffer is full: list again', this.revision()))
    return false
  }

  private publishTo(set: Set<Watcher> | undefined, change: WindowChange): void {
    if (set) for (const watcher of set) this.deliver(watcher, change)
  }

  private *all(): Generator<Watcher> {
    for (const set of [...this.byNamespace.values()]) yield* [...set]
  }

  private expire(watcher: Watcher): void {
    const revision = this.revision()
    if (watcher.bookmarks && watcher.since <= revision)
      this.send(watcher, { type: 'BOOKMARK', item: undefined, revision })
    this.end(watcher)
  }

  private startBookmarks(): void {
    this.bookmarkTimer = this.clock.setTimer(BOOKMARK_INTERVAL_MS, () => {
      this.startBookmarks()
      const revision = this.revision()
      const event: CacheEvent = { type: 'BOOKMARK', item: undefined, revision }
      for (const watcher of this.all()) if (watcher.bookmarks && watcher.since <= revision) this.send(watcher, event)
    })
  }
}

/** 410 Expired: the client has to list again. */
export function errorEvent(message: string, revision: number): CacheEvent {
  return { type: 'ERROR', item: new Encoded(expired(message).status, revision), revision }
}
