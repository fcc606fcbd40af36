import { assert } from '../base/assert.ts'
import type { Change, Entry, Txn } from './store.ts'
import { compareKeys, firstSegment, type Table } from './table.ts'

const NONE: readonly never[] = []

/** One transaction's view: its own changes over what is committed but unpublished (`ahead`) over what is published. */
export class Transaction<V> implements Txn<V> {
  readonly revision: number
  private readonly published: Table<V>
  private readonly ahead: ReadonlyMap<string, Change<V>>
  /** Made with the first change: most transactions only look something up. */
  private changes: Map<string, Change<V>> | undefined
  private open = true

  constructor(revision: number, published: Table<V>, ahead: ReadonlyMap<string, Change<V>>) {
    this.revision = revision
    this.published = published
    this.ahead = ahead
  }

  get(key: string): Entry<V> | undefined {
    assert(this.open, 'a transaction was used after its end')
    const own = this.changes?.get(key)
    return own ? own.entry : this.before(key)
  }

  range(prefix: string): readonly Entry<V>[] {
    assert(this.open, 'a transaction was used after its end')
    const newer = new Map<string, Entry<V> | undefined>()
    for (const [key, change] of this.ahead) if (key.startsWith(prefix)) newer.set(key, change.entry)
    for (const [key, change] of this.changes ?? NONE) if (key.startsWith(prefix)) newer.set(key, change.entry)
    const entries = this.published.range(prefix)
    if (newer.size === 0) return entries
    const merged = entries.filter((entry) => !newer.has(entry.key))
    for (const entry of newer.values()) if (entry) merged.push(entry)
    return merged.sort((a, b) => compareKeys(a.key, b.key))
  }

  put(key: string, value: V): void {
    const { revision } = this
    const previous = this.prepare(key)
    const entry: Entry<V> = {
      key,
      value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
    }
    this.change({ type: 'put', key, revision, entry, previous, tombstone: undefined })
  }

  delete(key: string, tombstone?: V): void {
    const previous = this.prepare(key)
    if (!previous) return
    this.change({ type: 'delete', key, revision: this.revision, entry: undefined, previous, tombstone })
  }

  /** Ends the transaction and returns its changes in the order they were made; once. */
  finish(): readonly Change<V>[] {
    const { open } = this
    this.open = false
    return open && this.changes ? [...this.changes.values()] : NONE
  }

  private change(change: Change<V>): void {
    this.changes ??= new Map()
    this.changes.set(change.key, change)
  }

  private before(key: string): Entry<V> | undefined {
    const ahead = this.ahead.get(key)
    return ahead ? ahead.entry : this.published.get(key)
  }

  private prepare(key: string): Entry<V> | undefined {
    assert(this.open, 'a transaction was used after its end')
    assert(key.startsWith('/') && firstSegment(key) !== undefined, `not a key: ${key}`)
    assert(!this.changes?.has(key), `${key} was changed twice in one transaction`)
    return this.before(key)
  }
}
