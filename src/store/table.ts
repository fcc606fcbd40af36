import BTreeModule from 'sorted-btree'
import type { Entry } from './store.ts'

// The package is CommonJS: bundlers unwrap its default export, Node's own loader does not.
const BTree = ((BTreeModule as unknown as { default?: typeof BTreeModule }).default ??
  BTreeModule) as typeof BTreeModule

/** Plain order of UTF-16 code units; keys are ASCII, so it is etcd's byte order. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** An ordered map from keys, with clones in O(1). */
export type OrderedMap<T> = BTreeModule<string, T>

export function orderedMap<T>(entries?: [string, T][]): OrderedMap<T> {
  return new BTree<string, T>(entries, compareKeys)
}

/** The smallest text greater than everything that begins with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.length - 1
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1)
}

/** `/pods/` of `/pods/default/web`; undefined when the text has no complete first segment. */
export function firstSegment(text: string): string | undefined {
  const end = text.indexOf('/', 1)
  return end < 0 ? undefined : text.slice(0, end + 1)
}

/**
 * The published entries: one ordered map for each first path segment. Resources are such segments, so a write touches a tree
 * of its own resource only.
 */
export class Table<V> {
  private readonly trees = new Map<string, OrderedMap<Entry<V>>>()

  get(key: string): Entry<V> | undefined {
    return this.trees.get(firstSegment(key) ?? '')?.get(key)
  }

  set(key: string, entry: Entry<V> | undefined): void {
    const segment = firstSegment(key) as string
    let tree = this.trees.get(segment)
    if (!tree) {
      tree = orderedMap()
      this.trees.set(segment, tree)
    }
    if (entry) tree.set(key, entry)
    else tree.delete(key)
  }

  /** In key order; a copy, so it may be held across changes. */
  range(prefix: string): Entry<V>[] {
    const segment = firstSegment(prefix)
    const found: Entry<V>[] = []
    if (segment !== undefined) {
      this.trees.get(segment)?.forRange(prefix, prefixEnd(prefix), false, (_key, entry) => void found.push(entry))
      return found
    }
    for (const name of [...this.trees.keys()].sort(compareKeys))
      if (name.startsWith(prefix)) for (const entry of this.trees.get(name)?.valuesArray() ?? []) found.push(entry)
    return found
  }
}
