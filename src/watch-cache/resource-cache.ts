import { ApiError, expired } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import type { Change, Store } from '../store/store.ts'
import { type OrderedMap, orderedMap } from '../store/table.ts'
import { Encoded } from '../wire/encoded.ts'
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts'
import { errorEvent, FanOut, type Watcher } from './fan-out.ts'
import { LabelIndex } from './label-index.ts'
import { cutPage } from './page.ts'
import { PageAges } from './page-ages.ts'
import {
  FUTURE_REVISION_WAIT_MS,
  parseListResourceVersion,
  parseResourceVersion,
  tooLargeResourceVersion,
  type WantedRevision,
} from './resource-version.ts'
import { Snapshots } from './snapshots.ts'
import type { EventSink, Item, ListOptions, ListResult, WatchCache, WatchOptions } from './watch-cache.ts'
import { Window, WindowChange } from './window.ts'

/** Changes kept for each resource; a watch from before them gets 410 and has to list again. */
const WINDOW_CHANGES_MAX = 2_048

const LIST_TOO_OLD = 'The resourceVersion for the provided list is too old.'
const CONTINUE_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted ' +
  'between the time the first chunk was returned and now may show up in the list.'

export interface ResourceCacheOptions {
  readonly store: Store<Item>
  /** Where the resource lives in the store, with slashes at both ends: `/pods/`. */
  readonly prefix: string
  readonly clock: Clock
  /** Changes kept for watches and lists from older revisions. */
  readonly windowChangesMax?: number
}

/** A cache over the published state below `prefix`, ready at once. */
export function createResourceCache(options: ResourceCacheOptions): ResourceCache {
  return new ResourceCache(options)
}

export class ResourceCache implements WatchCache {
  private readonly store: Store<Item>
  private readonly prefix: string
  private readonly clock: Clock
  private readonly items: OrderedMap<Item>
  private readonly window: Window
  private readonly labels = new LabelIndex()
  private readonly snapshots: Snapshots
  private readonly pages: PageAges
  private readonly fanOut: FanOut
  private readonly unsubscribe: () => void
  private closed = false

  constructor({ store, prefix, clock, windowChangesMax }: ResourceCacheOptions) {
    this.store = store
    this.prefix = prefix
    this.clock = clock
    this.items = orderedMap([...store.range(prefix)].map(({ key, value }) => [key.slice(prefix.length), value]))
    this.window = new Window(windowChangesMax ?? WINDOW_CHANGES_MAX, store.revision)
    this.snapshots = new Snapshots(clock)
    this.pages = new PageAges(clock)
    this.fanOut = new FanOut(clock, () => store.revision)
    this.unsubscribe = store.subscribe(prefix, (changes) => this.apply(changes))
  }

  get revision(): number {
    return this.store.revision
  }

  /** Open watches. */
  get watchers(): number {
    return this.fanOut.size
  }

  get dropped(): number {
    return this.fanOut.dropped
  }

  get(key: string): Item | undefined {
    return this.items.get(key)
  }

  list(options: ListOptions): ListResult | Promise<ListResult> {
    if (options.continue) return this.continueList(options, decodeContinue(options.continue))
    const text = options.resourceVersion ?? ''
    if (text === '') return this.present(options, '')
    const revision = parseListResourceVersion(text)
    if (revision === 0) return this.present({ ...options, limit: 0 }, '')
    const { resourceVersionMatch: match, limit = 0 } = options
    if (match === 'Exact' || (match === undefined && limit > 0)) return this.exact(options, revision)
    if (revision <= this.revision) return this.present(options, '')
    return this.waitFor(revision, FUTURE_REVISION_WAIT_MS).then(() => this.present(options, ''))
  }

  watch(options: WatchOptions, sink: EventSink): () => void {
    const from = parseResourceVersion(options.resourceVersion)
    const asOf = this.revision
    let watcher: Watcher | undefined
    let stopped = false
    queueMicrotask(() => {
      if (stopped) return
      if (this.closed) {
        sink.end()
        return
      }
      watcher = this.fanOut.add(options, sink)
      if (options.sendInitialEvents ?? from === 0) this.sendPresent(watcher, options, from)
      else this.sendSince(watcher, from === 0 ? asOf : Number(from))
    })
    return () => {
      stopped = true
      if (watcher) this.fanOut.remove(watcher)
    }
  }

  waitFor(revision: WantedRevision, timeoutMs: number): Promise<void> {
    if (revision <= this.revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const unsubscribe = this.store.subscribe('/', () => {
        if (this.revision < revision) return
        timer.cancel()
        unsubscribe()
        resolve()
      })
      const timer = this.clock.setTimer(timeoutMs, () => {
        unsubscribe()
        reject(tooLargeResourceVersion(revision, this.revision))
      })
    })
  }

  /** Ends all watches. The cache no longer follows the store. */
  close(): void {
    this.closed = true
    this.unsubscribe()
    this.fanOut.endAll()
  }

  /** Takes the changes in; the watchers hear of them when all other caches have theirs too. */
  private apply(changes: readonly Change<Item>[]): () => void {
    this.snapshots.changed((changes[0] as Change<Item>).revision)
    const applied = changes.map((change) => new WindowChange(change.key.slice(this.prefix.length), change))
    for (const change of applied) {
      if (change.item) this.items.set(change.key, change.item)
      else this.items.delete(change.key)
      this.labels.update(change.key, change.previous, change.item)
      this.window.push(change)
    }
    return () => {
      for (const change of applied) this.fanOut.publish(change)
    }
  }

  /** The oldest revision whose state and later changes are known. */
  private get oldest(): number {
    return Math.max(this.window.oldest, this.store.compactedRevision)
  }

  /** The state at `revision`, or undefined when it is no longer known. */
  private stateAt(revision: number): OrderedMap<Item> | undefined {
    if (revision < this.store.compactedRevision) return undefined
    if (revision >= this.window.latest) return this.items
    const kept = this.snapshots.at(revision)
    if (kept || revision < this.oldest) return kept
    const items = this.items.clone()
    this.window.undo(items, revision)
    this.snapshots.keep(revision, items, revision + 1)
    return items
  }

  private present(options: ListOptions, start: string): ListResult {
    const { filter } = options
    const candidates = filter?.label && this.labels.find(filter.label, this.items)
    const page = this.cut(this.items, options, { revision: this.revision, start }, candidates)
    if (page.continue !== undefined) {
      this.snapshots.keep(this.window.latest, this.items)
      this.pages.begun(page.revision)
    }
    return page
  }

  private cut(
    items: OrderedMap<Item>,
    { namespace, filter, limit = 0 }: ListOptions,
    at: { readonly revision: number; readonly start: string },
    candidates?: OrderedMap<Item>,
  ): ListResult {
    const prefix = namespace ? `${namespace}/` : ''
    return cutPage({ items, candidates, ...at, prefix, filter, limit: Math.max(limit, 0) })
  }

  private exact(options: ListOptions, wanted: WantedRevision): ListResult {
    const revision = this.reached(wanted)
    const items = this.stateAt(revision)
    if (!items) throw expired(LIST_TOO_OLD)
    return this.cut(items, options, { revision, start: '' })
  }

  private continueList(options: ListOptions, token: ContinueToken): ListResult {
    const { resourceVersion = '' } = options
    if (resourceVersion !== '' && resourceVersion !== '0')
      throw new ApiError({
        ...expired('specifying resource version is not allowed when using continue').status,
        reason: 'BadRequest',
        code: 400,
      })
    if (token.revision < 0) return this.present(options, token.start)
    const revision = this.reached(token.revision)
    const aged = revision < this.revision && this.pages.over(revision)
    const items = aged ? undefined : this.stateAt(revision)
    if (items) return this.cut(items, options, { ...token, revision })
    const { status } = expired(CONTINUE_TOO_OLD)
    throw new ApiError({ ...status, metadata: { continue: encodeContinue({ ...token, revision: -1 }) } })
  }

  /** Throws ApiError 504 for a revision that is yet to come. */
  private reached(wanted: WantedRevision): number {
    if (wanted > this.revision) throw tooLargeResourceVersion(wanted, this.revision)
    return Number(wanted)
  }

  /** The present state as ADDED events, the bookmark that ends them if asked for, then what follows. */
  private sendPresent(watcher: Watcher, options: WatchOptions, from: WantedRevision): void {
    const { revision } = this
    watcher.since = revision
    if (from > revision) {
      const { status } = tooLargeResourceVersion(from, revision)
      this.fanOut.fail(watcher, { type: 'ERROR', item: new Encoded(status, revision), revision })
      return
    }
    const { namespace, filter } = options
    const { items } = this.present({ ...(namespace ? { namespace } : {}), ...(filter ? { filter } : {}) }, '')
    for (const item of items)
      if (!this.fanOut.send(watcher, { type: 'ADDED', item, revision: item.revision, initial: true })) return
    if (options.sendInitialEvents && options.bookmarks)
      this.fanOut.send(watcher, { type: 'BOOKMARK', item: undefined, revision, initialEventsEnd: true })
  }

  /** Changes after `from`; a watcher from the future stays silent until then. */
  private sendSince(watcher: Watcher, from: number): void {
    watcher.since = from
    if (from < this.oldest) {
      const message = `too old resource version: ${from} (${this.oldest})`
      this.fanOut.fail(watcher, errorEvent(message, this.revision))
      return
    }
    this.window.since(from, (change) => {
      if (change.namespace === watcher.namespace || watcher.namespace === '') this.fanOut.deliver(watcher, change)
      return watcher.open
    })
    watcher.since = Math.max(from, this.revision)
  }
}
