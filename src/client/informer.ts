/**
 * Informers: one list-and-watch for each (resource, selection), shared by all who ask for it, with a store, indexes and
 * handlers. Rules with numbers: SPEC.md [IN*].
 *
 *   const informers = new Informers({ client, clock, random, lifetime })
 *   const pods = informers.informer(PODS, { fieldSelector: 'spec.nodeName=node-1' })
 *   pods.on({ add: (pod) => ..., update: (pod, old) => ..., delete: (pod) => ... })
 *   await pods.synced
 *   pods.lister.get('default/web-1')
 */

import { type KubernetesObject, keyOf } from '../api/object.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import type { ApiClient, Resource } from './api-client.ts'
import { type Lister, ObjectStore } from './lister.ts'
import { type ReflectorSink, reflect } from './reflector.ts'

interface InformerHandlers<T extends KubernetesObject> {
  add?(object: T): void
  /** Also after a gap in the watch: `old` is the last state known, not necessarily the one before. */
  update?(object: T, old: T): void
  /** The last state known; after a gap not necessarily the last there was. */
  delete?(object: T): void
}

export interface Selection {
  readonly namespace?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

export interface Informer<T extends KubernetesObject> {
  readonly resource: Resource<T>
  readonly lister: Lister<T>
  /** Resolves after the first list was handed to the handlers; rejects never. */
  readonly synced: Promise<void>
  readonly hasSynced: boolean
  /** The server's revision up to which this one knows everything; 0 before the first list. */
  readonly revision: number
  /** Adds handlers; objects already known are given to `add` at once. Handlers must not throw: a throw is a bug and crashes. Returns the removal. */
  on(handlers: InformerHandlers<T>): () => void
}

export interface InformerSeams {
  readonly client: ApiClient
  readonly clock: Clock
  readonly random: Random
  readonly lifetime: Lifetime
  /** Told of failures that lead to a retry, with the resource's plural. */
  readonly failed?: (resource: string, error: unknown) => void
}

export class Informers {
  private readonly seams: InformerSeams
  private readonly running = new Map<string, { informer: SharedInformer<KubernetesObject>; lifetime: Lifetime }>()

  constructor(seams: InformerSeams) {
    this.seams = seams
  }

  /** The shared informer of a selection, started by the first who asks; it runs until the lifetime ends or `stop`. */
  informer<T extends KubernetesObject>(resource: Resource<T>, selection: Selection = {}): Informer<T> {
    const name = nameOf(resource, selection)
    let entry = this.running.get(name)
    if (!entry) {
      const lifetime = this.seams.lifetime.child(`informer ${name}`)
      const informer = new SharedInformer(resource as Resource<KubernetesObject>)
      entry = { informer, lifetime }
      this.running.set(name, entry)
      const { failed, random } = this.seams
      void reflect(resource, selection, informer.sink as ReflectorSink<T>, {
        ...this.seams,
        random: random.fork(name),
        signal: lifetime.signal,
        failed: (error) => failed?.(resource.plural, error),
      })
    }
    return entry.informer as unknown as Informer<T>
  }

  /** Ends the informer of a selection, e.g. of a resource that is no longer served. Nobody is told of deletions. */
  async stop(resource: Resource, selection: Selection = {}): Promise<void> {
    const name = nameOf(resource, selection)
    const entry = this.running.get(name)
    this.running.delete(name)
    await entry?.lifetime.close()
  }

  /** Resolves when all informers asked for until now have synced. */
  async allSynced(): Promise<void> {
    await Promise.all([...this.running.values()].map((entry) => entry.informer.synced))
  }
}

function nameOf(resource: Resource, { namespace = '', fieldSelector = '', labelSelector = '' }: Selection): string {
  const selection = [namespace, fieldSelector, labelSelector].filter(Boolean).join(' ')
  const type = resource.group ? `${resource.plural}.${resource.group}` : resource.plural
  return selection ? `${type} ${selection}` : type
}

class SharedInformer<T extends KubernetesObject> implements Informer<T> {
  readonly resource: Resource<T>
  readonly synced: Promise<void>
  hasSynced = false
  revision = 0
  private readonly store = new ObjectStore<T>()
  private handlers: readonly InformerHandlers<T>[] = []
  private markSynced: () => void = () => {}

  constructor(resource: Resource<T>) {
    this.resource = resource
    this.synced = new Promise((resolve) => {
      this.markSynced = resolve
    })
  }

  get lister(): Lister<T> {
    return this.store
  }

  on(handlers: InformerHandlers<T>): () => void {
    this.handlers = [...this.handlers, handlers]
    if (handlers.add) for (const object of this.store.values()) guard(() => handlers.add?.(object))
    return () => {
      this.handlers = this.handlers.filter((other) => other !== handlers)
    }
  }

  readonly sink: ReflectorSink<T> = {
    replace: (objects) => {
      const gone = new Set(this.store.keys())
      for (const object of objects) {
        gone.delete(keyOf(object))
        this.put(object)
      }
      for (const key of gone) this.remove(key, this.store.get(key))
      if (!this.hasSynced) {
        this.hasSynced = true
        this.markSynced()
      }
    },
    apply: (type, object) => {
      if (type === 'DELETED') this.remove(keyOf(object), object)
      else this.put(object)
    },
    reached: (revision) => {
      this.revision = Number(revision)
    },
  }

  private put(object: T): void {
    const old = this.store.put(object)
    if (old && old.metadata.uid !== object.metadata.uid) {
      // Deleted and created again while nobody looked: two objects, not one that changed.
      for (const handler of this.handlers) guard(() => handler.delete?.(old))
      for (const handler of this.handlers) guard(() => handler.add?.(object))
    } else if (old) {
      if (old.metadata.resourceVersion === object.metadata.resourceVersion) return
      for (const handler of this.handlers) guard(() => handler.update?.(object, old))
    } else {
      for (const handler of this.handlers) guard(() => handler.add?.(object))
    }
  }

  private remove(key: string, last: T | undefined): void {
    const old = this.store.remove(key)
    const object = last ?? old
    if (old && object) for (const handler of this.handlers) guard(() => handler.delete?.(object))
  }
}

/** A handler's throw is a bug of ours: it crashes the process, but not by way of the server's fan-out that called us. */
function guard(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
