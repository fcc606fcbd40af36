import type { KubernetesObject } from '../api/object.ts'
import { Ring } from '../base/ring.ts'
import type { Change } from '../store/store.ts'
import type { OrderedMap } from '../store/table.ts'
import { Encoded } from '../wire/encoded.ts'
import type { CacheEvent, Item } from './watch-cache.ts'

/**
 * One change of the resource with the events that watchers may see of it, each made when the first watcher needs it and
 * then shared by all.
 */
export class WindowChange {
  readonly key: string
  readonly namespace: string
  readonly revision: number
  /** undefined: deleted. */
  readonly item: Item | undefined
  readonly previous: Item | undefined
  private readonly tombstone: Item | undefined
  private addedEvent: CacheEvent | undefined
  private modifiedEvent: CacheEvent | undefined
  private goneEvent: CacheEvent | undefined

  constructor(key: string, change: Change<Item>) {
    const slash = key.indexOf('/')
    this.key = key
    this.namespace = slash < 0 ? '' : key.slice(0, slash)
    this.revision = change.revision
    this.item = change.entry?.value
    this.previous = change.previous?.value
    this.tombstone = change.tombstone
  }

  added(): CacheEvent {
    this.addedEvent ??= { type: 'ADDED', item: this.item, revision: this.revision }
    return this.addedEvent
  }

  modified(): CacheEvent {
    this.modifiedEvent ??= { type: 'MODIFIED', item: this.item, revision: this.revision }
    return this.modifiedEvent
  }

  /** Deleted, or no longer selected: the object before, with the revision of this change. */
  gone(): CacheEvent {
    this.goneEvent ??= {
      type: 'DELETED',
      item: this.tombstone ?? withRevision(this.previous as Item, this.revision),
      revision: this.revision,
    }
    return this.goneEvent
  }
}

function withRevision({ object }: Item, revision: number): Item {
  const metadata = { ...object.metadata, resourceVersion: String(revision) }
  return new Encoded<KubernetesObject>({ ...object, metadata }, revision)
}

/** The last changes of one resource, shared by all its watchers and by lists at older revisions. */
export class Window {
  private readonly changes: Ring<WindowChange>
  /** Everything after this revision is in the window. */
  private completeFrom: number

  constructor(max: number, revision: number) {
    this.changes = new Ring(max)
    this.completeFrom = revision
  }

  /** The oldest revision from which a watch can start. */
  get oldest(): number {
    return this.completeFrom
  }

  /** Revision of the newest change. */
  get latest(): number {
    return this.changes.newest()?.revision ?? this.completeFrom
  }

  push(change: WindowChange): void {
    const evicted = this.changes.push(change)
    if (evicted) this.completeFrom = evicted.revision
  }

  /** Calls `visit` with the changes after `revision`, oldest first, until it returns false. */
  since(revision: number, visit: (change: WindowChange) => boolean): void {
    const { changes } = this
    const { length } = changes
    for (let at = changes.firstWhere((change) => change.revision > revision); at < length; at++)
      if (!visit(changes.at(at) as WindowChange)) return
  }

  /** Takes back in `items` what happened after `revision`, which must not be older than `oldest`. */
  undo(items: OrderedMap<Item>, revision: number): void {
    for (let at = this.changes.length - 1; at >= 0; at--) {
      const change = this.changes.at(at) as WindowChange
      if (change.revision <= revision) return
      if (change.previous) items.set(change.key, change.previous)
      else items.delete(change.key)
    }
  }
}
