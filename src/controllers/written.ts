import { type KubernetesObject, keyOf } from '../api/object.ts'
import type { Informer } from '../client/informer.ts'

/**
 * What a controller wrote and its informer has not shown yet, so that it does not act on its own past twice. Revisions are
 * compared as numbers (KEP-5504: they are).
 */
export class Written<T extends KubernetesObject> {
  private readonly pending = new Map<string, { readonly object: T; readonly deleted: boolean }>()
  private readonly informer: Informer<T>

  constructor(informer: Informer<T>) {
    this.informer = informer
    const seen = (object: T) => {
      const entry = this.pending.get(keyOf(object))
      if (entry && !entry.deleted && revisionOf(object) >= revisionOf(entry.object)) this.pending.delete(keyOf(object))
    }
    informer.on({
      add: seen,
      update: seen,
      delete: (object) => {
        const entry = this.pending.get(keyOf(object))
        if (entry && revisionOf(object) >= revisionOf(entry.object)) this.pending.delete(keyOf(object))
      },
    })
  }

  wrote(object: T): void {
    const known = this.informer.lister.get(keyOf(object))
    if (known && revisionOf(known) >= revisionOf(object)) return
    this.pending.set(keyOf(object), { object, deleted: false })
  }

  deleted(object: T): void {
    const key = keyOf(object)
    if (this.informer.lister.get(key)?.metadata.uid === object.metadata.uid)
      this.pending.set(key, { object, deleted: true })
    else this.pending.delete(key)
  }

  /** `cached`, corrected by what was written since; `belongs` picks among written objects that the cache lacks. */
  correct(cached: readonly T[], belongs: (object: T) => boolean): T[] {
    if (this.pending.size === 0) return [...cached]
    const result = new Map(cached.map((object) => [keyOf(object), object]))
    for (const [key, { object, deleted }] of this.pending) {
      if (!belongs(object)) continue
      const known = result.get(key)
      if (deleted) {
        if (known?.metadata.uid === object.metadata.uid) result.delete(key)
      } else if (!known || revisionOf(known) < revisionOf(object)) result.set(key, object)
    }
    return [...result.values()]
  }
}

function revisionOf(object: KubernetesObject): number {
  return Number(object.metadata.resourceVersion ?? 0)
}
