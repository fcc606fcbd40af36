/** Get, list and watch, from the watch cache alone: readers never touch the store. */
import type { KubernetesObject } from '../api/object.ts'
import { notFound } from '../api/status.ts'
import { assert } from '../base/assert.ts'
import type { WantedRevision } from '../watch-cache/resource-version.ts'
import type {
  CacheEvent,
  EventSink,
  Filter,
  Item,
  ListOptions,
  ListResult,
  WatchOptions,
} from '../watch-cache/watch-cache.ts'
import { cacheKey, type StoredResource, viewOf } from './resource.ts'

/** How long a read waits for a revision that is not there yet, in ms. */
const FRESHNESS_TIMEOUT_MS = 3000

export function find(resource: StoredResource, namespace: string, name: string): Item | undefined {
  const item = resource.cache.get(cacheKey(namespace, name))
  return item && viewOf(resource, item)
}

export interface Target {
  readonly namespace: string
  readonly name: string
  readonly revision?: WantedRevision | undefined
}

/** Throws 404. With a `revision` that the cache has not seen yet, waits for it; else the item is there at once. */
export function get(resource: StoredResource, target: Target): Item | Promise<Item> {
  const { revision } = target
  if (revision === undefined || revision <= resource.cache.revision) return present(resource, target)
  return resource.cache.waitFor(revision, FRESHNESS_TIMEOUT_MS).then(() => present(resource, target))
}

function present(resource: StoredResource, { namespace, name }: Target): Item {
  const item = find(resource, namespace, name)
  if (!item) throw notFound(resource.groupResource, name)
  return item
}

/** Every object of the present state; with a namespace, those in it. */
export function all(resource: StoredResource, namespace: string): readonly KubernetesObject[] {
  const listed = resource.cache.list(namespace ? { namespace } : {})
  assert(!(listed instanceof Promise), 'a list of the present state waits for nothing')
  return listed.items.map((item) => viewOf(resource, item).object)
}

export async function list(resource: StoredResource, options: ListOptions): Promise<ListResult> {
  const listed = resource.cache.list(throughView(resource, options))
  const result = listed instanceof Promise ? await listed : listed
  if (!resource.declaration.storage) return result
  return { ...result, items: result.items.map((item) => viewOf(resource, item)) }
}

export function watch(resource: StoredResource, options: WatchOptions, sink: EventSink): () => void {
  if (!resource.declaration.storage) return resource.cache.watch(options, sink)
  return resource.cache.watch(throughView(resource, options), {
    // The item of an ERROR is a Status, which has no other version.
    event: (event: CacheEvent) =>
      sink.event(event.item && event.type !== 'ERROR' ? { ...event, item: viewOf(resource, event.item) } : event),
    end: () => sink.end(),
  })
}

/** Selectors see the object as its resource's version shows it, the cache holds it as it is stored. */
function throughView<O extends { readonly filter?: Filter }>(resource: StoredResource, options: O): O {
  const { filter } = options
  const storage = resource.declaration.storage
  if (!storage || !filter) return options
  const matches = (object: KubernetesObject) =>
    filter.matches(object.apiVersion === resource.apiVersion ? object : storage.fromStored(object))
  return { ...options, filter: { ...filter, matches } }
}

export { parseResourceVersion, type WantedRevision } from '../watch-cache/resource-version.ts'
export type { CacheEvent, Item, ListOptions, ListResult, WatchOptions } from '../watch-cache/watch-cache.ts'
