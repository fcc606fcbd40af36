import type { KubernetesObject } from '../api/object.ts'
import type { Registry } from './registry.ts'
import type { StoredResource } from './resource.ts'

/** What somebody knows of all objects of a resource. */
export interface Follower<S> {
  begin(objects: readonly KubernetesObject[]): S
  changed(known: S, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubernetesObject): void
}

/**
 * Derived knowledge that is never behind what is published: made of all objects at its first use, and told of every change in
 * the moment in which readers see it. A watch that ends is begun again with the next use.
 */
export function follow<S>(registry: Registry, resource: StoredResource, follower: Follower<S>): () => S {
  let known: { readonly state: S } | undefined
  return () => {
    if (known) return known.state
    const mine = { state: follower.begin(registry.all(resource, '')) }
    known = mine
    const resourceVersion = String(resource.cache.revision)
    const forget = () => {
      if (known === mine) known = undefined
    }
    registry.watch(
      resource,
      { resourceVersion, sendInitialEvents: false },
      {
        event: ({ type, item }) => {
          if (type === 'ERROR') forget()
          else if (item && type !== 'BOOKMARK') follower.changed(mine.state, type, item.object)
          return true
        },
        end: forget,
      },
    )
    return mine.state
  }
}
