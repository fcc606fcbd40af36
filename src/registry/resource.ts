import type { KubernetesObject } from '../api/object.ts'
import type { GroupResource } from '../api/status.ts'
import type { ResourceDeclaration } from '../resources/declaration.ts'
import type { Item, WatchCache } from '../watch-cache/watch-cache.ts'
import { Encoded } from '../wire/encoded.ts'

/** A declaration together with the place where its objects are kept. Two declarations may share a place (Event). */
export interface StoredResource<T extends KubernetesObject = KubernetesObject> {
  readonly declaration: ResourceDeclaration<T>
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string
  readonly groupResource: GroupResource
  /** Store keys are this prefix and then `namespace/name` or `name`: `/pods/`. */
  readonly prefix: string
  readonly cache: WatchCache
}

/** Key within the resource, as the watch cache knows it. */
export function cacheKey(namespace: string, name: string): string {
  return namespace ? `${namespace}/${name}` : name
}

export function storeKey(resource: StoredResource, namespace: string, name: string): string {
  return namespace ? `${resource.prefix}${namespace}/${name}` : resource.prefix + name
}

/** Where the objects of a declaration are kept, in Kubernetes' own layout: `/PLURAL/`. */
export function prefixOf(declaration: ResourceDeclaration): string {
  const key = declaration.storage?.key ?? declaration.plural
  return `/${key.replace(/^\/+|\/+$/g, '')}/`
}

/** The stored object as this resource's version shows it; converted once for each object. */
export function viewOf(resource: StoredResource, item: Item): Item {
  const storage = resource.declaration.storage
  if (!storage || item.object.apiVersion === resource.apiVersion) return item
  return item.derived(
    `view:${resource.apiVersion}`,
    () => new Encoded(storage.fromStored(item.object), item.revision) as Item,
  )
}
