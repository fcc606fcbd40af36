/**
 * What an informer knows, by key and by index. Objects are frozen and kept by reference, never copied: the same object is in
 * the server's store (direct transport), here, and in every handler's hands.
 */
import { type KubernetesObject, keyOf } from '../api/object.ts'

/** Reading side. Every answer is of one moment, and may be behind the server. */
export interface Lister<T extends KubernetesObject> {
  readonly size: number
  /** `namespace/name`, or `name` for cluster-scoped objects. */
  get(key: string): T | undefined
  /** All objects, in the order in which they first came. Do not hold the iterator across an await. */
  values(): IterableIterator<T>
  /** Objects of a namespace. */
  inNamespace(namespace: string): readonly T[]
  /** Objects with an owner reference (controller or not) to this uid. */
  ownedBy(uid: string): readonly T[]
  /** Objects with the label `name` = `value`, in all namespaces. The index is built when first asked for. */
  labelled(name: string, value: string): readonly T[]
  /** Objects for which an index added with `addIndex` gave `value`. */
  by(index: string, value: string): readonly T[]
  /** Adds an index; `values` gives the values under which an object is found. Adding a name twice does nothing. */
  addIndex(name: string, values: (object: T) => readonly string[]): void
}

interface Index<T> {
  readonly values: (object: T) => readonly string[]
  readonly entries: Map<string, Map<string, T>>
}

const NAMESPACE = 'namespace'
const OWNER = 'owner'

export class ObjectStore<T extends KubernetesObject> implements Lister<T> {
  private readonly objects = new Map<string, T>()
  private readonly indexes = new Map<string, Index<T>>()

  get size(): number {
    return this.objects.size
  }

  get(key: string): T | undefined {
    return this.objects.get(key)
  }

  keys(): IterableIterator<string> {
    return this.objects.keys()
  }

  values(): IterableIterator<T> {
    return this.objects.values()
  }

  inNamespace(namespace: string): readonly T[] {
    this.addIndex(NAMESPACE, (object) => [object.metadata.namespace ?? ''])
    return this.by(NAMESPACE, namespace)
  }

  ownedBy(uid: string): readonly T[] {
    this.addIndex(OWNER, (object) => object.metadata.ownerReferences?.map((owner) => owner.uid) ?? [])
    return this.by(OWNER, uid)
  }

  labelled(name: string, value: string): readonly T[] {
    const index = `label:${name}`
    this.addIndex(index, (object) => {
      const found = object.metadata.labels?.[name]
      return found === undefined ? [] : [found]
    })
    return this.by(index, value)
  }

  by(index: string, value: string): readonly T[] {
    const entries = this.indexes.get(index)?.entries.get(value)
    return entries ? [...entries.values()] : []
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.indexes.has(name)) return
    const index: Index<T> = { values, entries: new Map() }
    this.indexes.set(name, index)
    for (const [key, object] of this.objects) insert(index, key, object)
  }

  /** Returns what was there before. */
  put(object: T): T | undefined {
    const key = keyOf(object)
    const old = this.objects.get(key)
    this.objects.set(key, object)
    for (const index of this.indexes.values()) {
      if (old) remove(index, key, old)
      insert(index, key, object)
    }
    return old
  }

  remove(key: string): T | undefined {
    const old = this.objects.get(key)
    if (!old) return undefined
    this.objects.delete(key)
    for (const index of this.indexes.values()) remove(index, key, old)
    return old
  }
}

function insert<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    let entries = index.entries.get(value)
    if (!entries) {
      entries = new Map()
      index.entries.set(value, entries)
    }
    entries.set(key, object)
  }
}

function remove<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const entries = index.entries.get(value)
    if (!entries) continue
    entries.delete(key)
    if (entries.size === 0) index.entries.delete(value)
  }
}
