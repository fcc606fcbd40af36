/** What every part of the registry works with, and the few steps that all writes share. */
import type { Draft, KubernetesObject } from '../api/object.ts'
import { rfc3339 } from '../api/time.ts'
import type { EbbTracer } from '../api/trace-steps.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Pause, Steps } from '../base/steps.ts'
import type { Context } from '../resources/declaration.ts'
import type { Store, Txn } from '../store/store.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import { Encoded } from '../wire/encoded.ts'
import type { UserInfo } from '../wire/exchange.ts'
import type { AdmissionAttributes, AdmissionOperation, AdmissionPort } from './admission-port.ts'
import { deepFreeze, metadataDraft } from './draft.ts'
import { all } from './read.ts'
import { type StoredResource, storeKey } from './resource.ts'

/** Objects beyond this many bytes, sent or stored, are worked on in several turns, so that others are answered in between. */
export const ONE_TURN_BYTES_MAX = 16 * 1024

/** Called when an object has been decoded and defaulted, before admission: keeps its managedFields. */
export type FieldManagerHook = (
  draft: Draft<KubernetesObject>,
  old: KubernetesObject | undefined,
  request: { resource: StoredResource; subresource: string; manager: string; now: string },
) => Steps<void>

export interface Kit {
  readonly store: Pick<Store<Item>, 'transact'>
  readonly clock: Clock
  readonly random: Random
  readonly admission: AdmissionPort
  readonly tracer: EbbTracer
  readonly updateManagedFields: FieldManagerHook | undefined
  /** Freeze stored objects all the way down: for tests and simulation. */
  readonly freeze: boolean
  find(group: string, plural: string): StoredResource | undefined
}

/** Who asks, and how, for one write. */
export interface WriteOptions {
  readonly namespace: string
  readonly name: string
  readonly user: UserInfo
  readonly dryRun: boolean
  /** fieldManager of the query, else the first part of the user agent. */
  readonly fieldManager: string
  /** Server-side apply: the draft's managedFields are right already. */
  readonly applied?: boolean
  warn(text: string): void
  /** Lets others go first between the steps of a write that takes long; absent where it does not. */
  readonly pause?: Pause
  /** The same, where only the object to be changed can tell whether it does; absent in-process, where nobody waits. */
  readonly pauseIfLarge?: Pause
}

/** The newest state of an object, also when its write is not durable yet. */
export function head(kit: Kit, resource: StoredResource, namespace: string, name: string): Item | undefined {
  const key = storeKey(resource, namespace, name)
  return kit.store.transact((txn) => txn.get(key)).result?.value
}

export function contextOf(kit: Kit, options: WriteOptions): Context {
  const nowMs = kit.clock.now()
  return {
    now: rfc3339(nowMs),
    nowMs,
    lookup: (group, plural, namespace, name) => lookup(kit, { group, plural, namespace, name }),
    list(group, plural, namespace) {
      const resource = kit.find(group, plural)
      return resource ? all(resource, namespace) : []
    },
    user: options.user,
    dryRun: options.dryRun,
    random: kit.random,
    warn: options.warn,
  }
}

interface Name {
  readonly group: string
  readonly plural: string
  readonly namespace: string
  readonly name: string
}

export function lookup(kit: Kit, { group, plural, namespace, name }: Name): KubernetesObject | undefined {
  const resource = kit.find(group, plural)
  return resource && head(kit, resource, namespace, name)?.object
}

export function admissionOf(
  kit: Kit,
  target: { resource: StoredResource; subresource?: string; operation: AdmissionOperation },
  options: WriteOptions,
  old: KubernetesObject | undefined,
): AdmissionAttributes {
  return {
    operation: target.operation,
    resource: target.resource,
    subresource: target.subresource ?? '',
    namespace: options.namespace,
    name: options.name,
    user: options.user,
    dryRun: options.dryRun,
    old,
    lookup: (group, plural, namespace, name) => lookup(kit, { group, plural, namespace, name }),
    warn: options.warn,
  }
}

/** Gives the draft the transaction's revision and makes it the stored value; its bytes are made once, from here on it is frozen. */
export function seal(kit: Kit, draft: Draft<KubernetesObject>, revision: number): Item {
  draft.metadata.resourceVersion = String(revision)
  return new Encoded((kit.freeze ? deepFreeze(draft) : Object.freeze(draft)) as KubernetesObject, revision)
}

/** An object that is only answered, never stored (dry run): it keeps whatever resourceVersion it has. */
export function unstored(draft: Draft<KubernetesObject>): Item {
  if (draft.metadata.resourceVersion === '') delete draft.metadata.resourceVersion
  return new Encoded(draft as KubernetesObject, Number(draft.metadata.resourceVersion ?? 0))
}

/** The last state of a deleted object, as watchers see it: with the revision of its deletion. */
function tombstone(kit: Kit, last: Item, revision: number): Item {
  return seal(kit, metadataDraft(last.object), revision)
}

/** Removes the object in this transaction. */
export function remove(kit: Kit, txn: Txn<Item>, key: string, last: Item): Item {
  const dead = tombstone(kit, last, txn.revision)
  txn.delete(key, dead)
  return dead
}

/** What the trace calls an object: `pod default/web-1`. */
export function traceName(resource: StoredResource, object: KubernetesObject): string {
  const { namespace, name } = object.metadata
  return `${resource.declaration.kind.toLowerCase()} ${namespace ? `${namespace}/` : ''}${name}`
}
