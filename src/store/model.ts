/** The store as one would write it on paper: a full copy of the state for each revision. The property test compares with it. */
import type { Change, Entry } from './store.ts'

export type Edit = { readonly key: string; readonly value: string | undefined }

export class ModelStore {
  /** State of each revision, by revision; 1 is empty. */
  readonly states: Map<string, Entry<string>>[] = [new Map(), new Map()]
  readonly log: { readonly revision: number; readonly changes: readonly Change<string>[] }[] = []

  get head(): number {
    return this.states.length - 1
  }

  /** Edits of keys that differ; nothing happens when none changes anything. */
  commit(edits: readonly Edit[]): number {
    const revision = this.head + 1
    const state = new Map(this.states[this.head])
    const changes: Change<string>[] = []
    for (const { key, value } of edits) {
      const previous = state.get(key)
      if (value === undefined && !previous) continue
      const entry = value === undefined ? undefined : next(key, value, revision, previous)
      if (entry) state.set(key, entry)
      else state.delete(key)
      changes.push({ type: entry ? 'put' : 'delete', key, revision, entry, previous, tombstone: undefined })
    }
    if (changes.length === 0) return this.head
    this.states.push(state)
    this.log.push({ revision, changes })
    return revision
  }

  range(revision: number, prefix: string): Entry<string>[] {
    return [...(this.states[revision] as Map<string, Entry<string>>).values()]
      .filter((entry) => entry.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** What a subscriber of `prefix` hears between two revisions, the first not included. */
  events(prefix: string, after: number, upTo: number): (readonly Change<string>[])[] {
    return this.log
      .filter(({ revision }) => revision > after && revision <= upTo)
      .map(({ changes }) => changes.filter((change) => change.key.startsWith(prefix)))
      .filter((changes) => changes.length > 0)
  }
}

function next(key: string, value: string, revision: number, previous: Entry<string> | undefined): Entry<string> {
  const createRevision = previous?.createRevision ?? revision
  return { key, value, createRevision, modRevision: revision, version: (previous?.version ?? 0) + 1 }
}
