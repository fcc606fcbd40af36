import { type KubernetesObject, keyOf } from '../api/object.ts'
import type { Informer } from '../client/informer.ts'

/**
 * What a controller wrote and its informer has not shown yet, so that it does not act on its own past twice. Revisions are
 * compared as numbers (KEP-5504: they are).
 *
 * A written object counts until the informer has reached its revision: from then on the informer knows better, also when the
 * object is gone from there. A deleted one counts for as long as the informer still shows it.
 */
export class Written<T extends KubernetesObject> {
  private readonly informer: Informer<T>
  private readonly written = new Map<string, T>()
  /** Uids by key. */
  private readonly gone = new Map<string, string | undefined>()

  constructor(informer: Informer<T>) {
    this.informer = informer
  }

  wrote(object: T): void {
    this.written.set(keyOf(object), object)
    this.forget()
  }

  deleted(object: T): void {
    this.written.delete(keyOf(object))
    this.gone.set(keyOf(object), object.metadata.uid)
    this.forget()
  }

  /** `cached`, corrected by what was written since; `belongs` picks among written objects that the cache lacks. */
  correct(cached: readonly T[], belongs: (object: T) => boolean): T[] {
    this.forget()
    const result = new Map(cached.map((object) => [keyOf(object), object]))
    for (const [key, object] of this.written) if (belongs(object)) result.set(key, object)
    for (const key of this.gone.keys()) result.delete(key)
    return [...result.values()]
  }

  private forget(): void {
    for (const [key, object] of this.written) if (revisionOf(object) <= this.informer.revision) this.written.delete(key)
    for (const [key, uid] of this.gone) if (this.informer.lister.get(key)?.metadata.uid !== uid) this.gone.delete(key)
  }
}

function revisionOf(object: KubernetesObject): number {
  return Number(object.metadata.resourceVersion ?? 0)
}
