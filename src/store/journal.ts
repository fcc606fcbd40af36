/** Durability as a port. `lmdb-journal.node.ts` keeps it on disk, `memory-journal.ts` nowhere (and fails on demand in simulation). */
export interface JournalRecord {
  readonly key: string
  /** undefined: the key was deleted. */
  readonly value: Uint8Array | undefined
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
}

export interface JournalBatch {
  /** Highest revision in the batch. */
  readonly revision: number
  readonly records: readonly JournalRecord[]
  /** Whether the batch needs more room than what it replaces: one that does not may use what is kept in reserve. Absent: it does. */
  readonly grows?: () => boolean
}

export interface Journal {
  /** True: values are not kept, so the store spares itself the encoding and hands over empty ones. */
  readonly volatile?: boolean
  /** All live records (value never undefined) and the last revision. Called once, before any commit. Throws StoreError `corrupt`, `foreign` or `locked`, and touches nothing then. */
  load(): Promise<{ revision: number; records: Iterable<JournalRecord> }>
  /**
   * Resolves when the batch is durable, whole or not at all; batches become durable in order. Rejects with StoreError `no-space`
   * when nothing was written for want of room, and later batches may be; after any other error none will.
   */
  commit(batch: JournalBatch): Promise<void>
  /** Whether batches that grow would be taken now. Absent: always. */
  hasRoom?(): boolean
  close(): Promise<void>
}

/** How values become bytes on disk and back. */
export interface Codec<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array, revision: number): V
}
