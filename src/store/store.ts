/**
 * Vocabulary of the store: MVCC over keys and revisions, knowing no pods. The value type is a parameter.
 *
 * Two states exist: `head` is what transactions see (every commit so far), `published` is what everybody else sees (every
 * commit whose batch the journal has flushed). A commit moves head at once and published when durable; events are published
 * in revision order, exactly once, after durability. Rules with numbers: SPEC.md.
 */
export interface Entry<V> {
  readonly key: string
  readonly value: V
  readonly createRevision: number
  readonly modRevision: number
  /** 1 for the creation, +1 for each put. */
  readonly version: number
}

export interface Change<V> {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly revision: number
  /** The new entry of a put; undefined for a delete. */
  readonly entry: Entry<V> | undefined
  /** What was there before; undefined for a creation. */
  readonly previous: Entry<V> | undefined
  /** For a delete: the last value rebuilt with the revision of the deletion, when the deleter provided it. */
  readonly tombstone: V | undefined
}

export interface Txn<V> {
  /** The revision that this transaction's changes will have (all of them the same). */
  readonly revision: number
  get(key: string): Entry<V> | undefined
  /** Entries with the prefix, in key order. */
  range(prefix: string): Iterable<Entry<V>>
  /** At most one change of a key in one transaction. */
  put(key: string, value: V): void
  /** `tombstone`: the last state, as watchers should see it. */
  delete(key: string, tombstone?: V): void
}

/** A transaction's function may not be async: a Promise as result does not compile. */
export type Sync<T> = T extends PromiseLike<unknown> ? never : T

export interface Commit<T> {
  readonly result: T
  /** Revision of the changes; the store's head revision when there were none. */
  readonly revision: number
  /**
   * Resolves when the changes are durable and published. Rejects with StoreError `no-space` when they were not written for want
   * of room, `journal-failed` when the journal failed: the store is then closed for writes.
   */
  readonly durable: Promise<void>
}

export type Listener<V> = (changes: readonly Change<V>[]) => undefined | (() => void)

export interface Store<V> {
  /** Revision up to which everything is published. An empty store is at revision 1: 0 means `any` to clients. */
  readonly revision: number
  /** History up to this revision was given up (by `compact`, or because it is from before the store was opened). */
  readonly compactedRevision: number
  /**
   * Synchronous, serial; throwing rolls back, and the error passes through. Throws StoreError `no-space` for changes that need
   * room while there is none; what makes room, or takes none, is still taken.
   */
  transact<T>(body: (txn: Txn<V>) => Sync<T>): Commit<T>
  /** Published state. */
  get(key: string): Entry<V> | undefined
  range(prefix: string): Iterable<Entry<V>>
  /**
   * Calls `listener` synchronously, in order, for each published revision with all its changes of keys with the prefix.
   * What it returns is called once all other listeners have had the revision too.
   * With `from`: first, the changes with revision > `from`; throws StoreError `compacted` when they are no longer kept.
   */
  subscribe(prefix: string, listener: Listener<V>, from?: number): () => void
  /** Gives up the history up to `revision` (default: all that is published): whoever asks for it is told `compacted`. */
  compact(revision?: number): void
  /** What keeps writes from being taken, `no-space` for now or `journal-failed` for good; undefined when nothing does. */
  readonly trouble: StoreError | undefined
  close(): Promise<void>
}

export type StoreErrorCode = 'compacted' | 'no-space' | 'journal-failed' | 'closed' | 'locked' | 'corrupt' | 'foreign'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
