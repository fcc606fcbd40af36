/**
 * The store in memory: one writer, revisions, a bounded history, and a journal that makes batches durable.
 *
 *   transact A (rev 8) -> pending [8] -> journal.commit [8] ......flushed -> publish 8, A.durable resolves
 *   transact B (rev 9)      pending [9]        (flush of 8 is running)
 *   transact C (rev 10)     pending [9 10]                                -> journal.commit [9 10] ... one flush for both
 *
 * `published` holds what everybody sees. What is committed but not yet flushed lies in `ahead`, an overlay of few keys that
 * only transactions look at.
 */
import { assert } from '../base/assert.ts'
import { Ring } from '../base/ring.ts'
import type { Codec, Journal, JournalRecord } from './journal.ts'
import { type Change, type Commit, type Entry, type Listener, type Store, StoreError, type Sync } from './store.ts'
import { firstSegment, Table } from './table.ts'
import { Transaction } from './transaction.ts'

/** Changes kept for `subscribe(from)`. Watch caches keep windows of their own; this one only has to cover their start. */
const HISTORY_CHANGES_MAX = 1_000
/** The revision of a store without a write, as in etcd. */
const EMPTY_REVISION = 1
const NO_BYTES = new Uint8Array(0)
/** An entry that is replaced by one larger by no more than this, in bytes, takes no room: it is marked, or says how it is. */
const GROWTH_MAX_BYTES = 2048

export interface StoreOptions<V> {
  readonly journal: Journal
  readonly codec: Codec<V>
  /** Changes kept for `subscribe(from)`. */
  readonly historyChangesMax?: number
  /** Told when writes are no longer taken, and when they are again. */
  readonly troubled?: (trouble: StoreError | undefined) => void
}

interface PendingCommit<V> {
  readonly revision: number
  readonly changes: readonly Change<V>[]
  readonly records: readonly JournalRecord[]
  readonly settle: { resolve(): void; reject(error: StoreError): void }
  readonly durable: Promise<void>
}

interface Subscription<V> {
  readonly prefix: string
  readonly listener: Listener<V>
  /** Changes up to here are known to the subscriber. */
  readonly since: number
}

/** Loads the journal, then serves from memory. Throws what `journal.load` throws, with the journal closed. */
export async function openStore<V>(options: StoreOptions<V>): Promise<MvccStore<V>> {
  const store = new MvccStore(options)
  try {
    await store.load()
  } catch (error) {
    await options.journal.close()
    throw error
  }
  return store
}

export class MvccStore<V> implements Store<V> {
  private readonly journal: Journal
  private readonly codec: Codec<V>
  private readonly published = new Table<V>()
  /** The latest change of each key that is committed but not yet published. */
  private readonly ahead = new Map<string, Change<V>>()
  private readonly history: Ring<Change<V>>
  private readonly subscriptions = new Map<string, Set<Subscription<V>>>()
  private pending: PendingCommit<V>[] = []
  /** The batch that the journal is flushing. */
  private inFlight: readonly PendingCommit<V>[] = []
  private head = EMPTY_REVISION
  private publishedRevision = EMPTY_REVISION
  private compacted = EMPTY_REVISION
  /** The highest revision that may no longer be complete in `history`. */
  private forgotten = EMPTY_REVISION
  private inTransaction = false
  private flushing: Promise<void> | undefined
  private failure: StoreError | undefined
  /** There was no room for a batch, and none has been seen since. */
  private full: StoreError | undefined
  private readonly troubled: (trouble: StoreError | undefined) => void

  constructor({ journal, codec, historyChangesMax, troubled }: StoreOptions<V>) {
    this.journal = journal
    this.codec = codec
    this.troubled = troubled ?? nothing
    this.history = new Ring(historyChangesMax ?? HISTORY_CHANGES_MAX)
  }

  /** Once, before anything else; `openStore` does it. */
  async load(): Promise<void> {
    const { revision, records } = await this.journal.load()
    for (const { key, value, createRevision, modRevision, version } of records) {
      assert(value !== undefined, `the journal loaded a deletion of ${key}`)
      const entry = { key, value: this.codec.decode(value, modRevision), createRevision, modRevision, version }
      this.published.set(key, entry)
    }
    this.head = Math.max(revision, EMPTY_REVISION)
    this.publishedRevision = this.head
    this.compacted = this.head
    this.forgotten = this.head
  }

  get revision(): number {
    return this.publishedRevision
  }

  get compactedRevision(): number {
    return this.compacted
  }

  get(key: string): Entry<V> | undefined {
    return this.published.get(key)
  }

  range(prefix: string): readonly Entry<V>[] {
    return this.published.range(prefix)
  }

  transact<T>(body: (txn: Transaction<V>) => Sync<T>): Commit<T> {
    if (this.failure) throw this.failure
    assert(!this.inTransaction, 'a transaction inside a transaction')
    const txn = new Transaction<V>(this.head + 1, this.published, this.ahead)
    this.inTransaction = true
    try {
      const result = body(txn) as T
      assert(!(result instanceof Promise), 'a transaction may not be async')
      const changes = txn.finish()
      if (changes.length === 0) return { result, revision: this.head, durable: this.durableHead() }
      if (this.full) this.refuseGrowth(this.full, changes)
      const durable = this.append(changes)
      return { result, revision: this.head, durable }
    } finally {
      txn.finish()
      this.inTransaction = false
    }
  }

  get trouble(): StoreError | undefined {
    if (this.full) this.lookForRoom()
    return this.failure ?? this.full
  }

  subscribe(prefix: string, listener: Listener<V>, from?: number): () => void {
    if (from !== undefined) this.replay(prefix, listener, from)
    const subscription = { prefix, listener, since: this.publishedRevision }
    const segment = firstSegment(prefix) ?? ''
    let set = this.subscriptions.get(segment)
    if (!set) {
      set = new Set()
      this.subscriptions.set(segment, set)
    }
    set.add(subscription)
    return () => void set.delete(subscription)
  }

  compact(revision = this.publishedRevision): void {
    this.compacted = Math.max(this.compacted, Math.min(revision, this.publishedRevision))
  }

  /** Waits for the flushes of what was committed, then closes the journal. Later transactions throw `closed`. */
  async close(): Promise<void> {
    this.failure ??= new StoreError('closed', 'the store is closed')
    while (this.flushing) await this.flushing
    await this.journal.close()
  }

  /** Resolves when everything that a transaction could have read is published. */
  private durableHead(): Promise<void> {
    return this.pending.at(-1)?.durable ?? this.inFlight.at(-1)?.durable ?? Promise.resolve()
  }

  /** Takes the changes into head and queues them for the journal. Encoding may throw: nothing has happened then. */
  private append(changes: readonly Change<V>[]): Promise<void> {
    const records = changes.map((change) => this.recordOf(change))
    for (const change of changes) this.ahead.set(change.key, change)
    this.head++
    let settle: PendingCommit<V>['settle'] | undefined
    const durable = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    // Whoever does not wait must not make the process fall over an unhandled rejection: later transactions throw anyway.
    durable.catch(() => {})
    this.pending.push({ revision: this.head, changes, records, settle: settle as PendingCommit<V>['settle'], durable })
    this.flushing ??= Promise.resolve().then(() => this.flushAll())
    return durable
  }

  private recordOf({ key, revision, entry }: Change<V>): JournalRecord {
    if (!entry) return { key, value: undefined, createRevision: 0, modRevision: revision, version: 0 }
    const { value, createRevision, modRevision, version } = entry
    const bytes = this.journal.volatile ? NO_BYTES : this.codec.encode(value)
    return { key, value: bytes, createRevision, modRevision, version }
  }

  /** One batch after the other, each of all that gathered while the one before was flushed. */
  private async flushAll(): Promise<void> {
    while (this.pending.length > 0) {
      const batch = this.pending
      this.inFlight = batch
      this.pending = []
      try {
        const revision = (batch.at(-1) as PendingCommit<V>).revision
        const grows = () => batch.some(({ changes }) => this.grows(changes))
        await this.journal.commit({ revision, records: batch.flatMap((commit) => commit.records), grows })
      } catch (cause) {
        if (cause instanceof StoreError && cause.code === 'no-space') this.runFull(cause)
        else this.fail(cause)
        break
      }
      for (const commit of batch) this.publish(commit)
      this.inFlight = []
    }
    this.flushing = undefined
  }

  /** The journal can no longer be trusted to take batches in order: reads go on, writes end. */
  private fail(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause)
    const failure = new StoreError('journal-failed', `the journal failed, nothing more can be written: ${why}`, {
      cause,
    })
    this.failure = failure
    this.giveUpUnflushed(failure)
    this.troubled(failure)
  }

  /** Nothing was written: what was to be, and what could have seen it, has not happened, and the store goes on. */
  private runFull(error: StoreError): void {
    const isNew = this.full === undefined
    this.full = error
    this.giveUpUnflushed(error)
    if (isNew) this.troubled(error)
  }

  private giveUpUnflushed(error: StoreError): void {
    const lost = [...this.inFlight, ...this.pending]
    this.inFlight = []
    this.pending = []
    this.ahead.clear()
    this.head = this.publishedRevision
    for (const commit of lost) commit.settle.reject(error)
  }

  private lookForRoom(): void {
    if (this.journal.hasRoom?.() === false) return
    this.full = undefined
    this.troubled(this.failure)
  }

  /** Refused before it waits for the journal, so that what makes room is not refused along with it. */
  private refuseGrowth(full: StoreError, changes: readonly Change<V>[]): void {
    this.lookForRoom()
    if (this.full && this.grows(changes)) throw full
  }

  private grows(changes: readonly Change<V>[]): boolean {
    return changes.some(({ entry, previous }) => {
      if (!entry) return false
      if (!previous) return true
      return this.codec.encode(entry.value).length > this.codec.encode(previous.value).length + GROWTH_MAX_BYTES
    })
  }

  private publish({ revision, changes, settle }: PendingCommit<V>): void {
    for (const change of changes) {
      this.published.set(change.key, change.entry)
      if (this.ahead.get(change.key) === change) this.ahead.delete(change.key)
      const evicted = this.history.push(change)
      if (evicted) this.forgotten = evicted.revision
    }
    this.publishedRevision = revision
    this.notify(changes, revision)
    settle.resolve()
  }

  private notify(changes: readonly Change<V>[], revision: number): void {
    const segments = new Set(changes.map((change) => firstSegment(change.key) as string)).add('')
    const afterwards: (() => void)[] = []
    for (const segment of segments) {
      for (const subscription of this.subscriptions.get(segment) ?? []) {
        if (subscription.since >= revision) continue
        const matching = matchingChanges(changes, subscription.prefix)
        if (matching.length > 0) call(() => afterwards.push(subscription.listener(matching) ?? nothing))
      }
    }
    for (const after of afterwards) call(after)
  }

  private replay(prefix: string, listener: Listener<V>, from: number): void {
    const floor = Math.max(this.compacted, this.forgotten)
    if (from < floor)
      throw new StoreError('compacted', `revision ${from} is no longer kept, the oldest one is ${floor}`)
    const { history } = this
    let at = history.firstWhere((change) => change.revision > from)
    while (at < history.length) {
      const group: Change<V>[] = []
      const { revision } = history.at(at) as Change<V>
      for (; at < history.length && history.at(at)?.revision === revision; at++) group.push(history.at(at) as Change<V>)
      const matching = matchingChanges(group, prefix)
      if (matching.length > 0) call(() => listener(matching)?.())
    }
  }
}

function matchingChanges<V>(changes: readonly Change<V>[], prefix: string): readonly Change<V>[] {
  return changes.every((change) => change.key.startsWith(prefix))
    ? changes
    : changes.filter((change) => change.key.startsWith(prefix))
}

/** A listener that throws is a bug of ours: it must surface, but not between the state and the other listeners. */
function call(listener: () => unknown): void {
  try {
    listener()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function nothing(): void {}
