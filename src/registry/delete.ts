/**
 * THE delete: what an object's end looks like in the API. Rules with numbers: SPEC.md.
 *
 * A delete either marks the object (deletionTimestamp, deletionGracePeriodSeconds, finalizers of the garbage collector) and
 * leaves it for others to finish, or removes it. Who finishes: the kubelet a pod with grace, by a second delete with grace 0
 * and the pod's uid; whoever owns a finalizer, by the update that takes it away (`write.ts`).
 *
 *   pod on a node, grace 30      DELETE           -> MODIFIED deletionTimestamp = now + 30 s     (delete-marked)
 *   the kubelet, 30 s later      DELETE grace 0   -> MODIFIED grace 0, then DELETED              (delete-removed)
 *   pod without a node           DELETE           -> MODIFIED grace 0, then DELETED
 *   config map with a finalizer  DELETE           -> MODIFIED deletionTimestamp = now, grace 0
 *   config map                   DELETE           -> DELETED
 */
import { jsonEqual } from '../api/json-equal.ts'
import type { DeleteOptions, Draft, KubernetesObject } from '../api/object.ts'
import { conflict, notFound } from '../api/status.ts'
import { parseTime, rfc3339 } from '../api/time.ts'
import type { Txn } from '../store/store.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import { draftOf, metadataDraft } from './draft.ts'
import { admissionOf, contextOf, head, type Kit, remove, seal, traceName, unstored, type WriteOptions } from './kit.ts'
import { type StoredResource, storeKey, viewOf } from './resource.ts'
import { durable } from './store-words.ts'

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

export interface Deleted {
  readonly item: Item
  /** False: the object is still there, marked. */
  readonly removed: boolean
  /** What the client is answered: the object, or a Status that says Success. */
  readonly answer: 'object' | 'status'
}

/** What happens to the object, decided from its state and the options alone. */
type Decision =
  /** Nothing: it is ending already, and the request does not shorten that. */
  | { readonly kind: 'pending' }
  /** It stays, with this metadata, until its grace or its finalizers are over. */
  | { readonly kind: 'mark'; readonly draft: Draft<KubernetesObject> }
  /** It goes; first, where `draft` is given, it is seen once more with grace 0. */
  | { readonly kind: 'remove'; readonly draft?: Draft<KubernetesObject> }

export async function deleteObject(
  kit: Kit,
  resource: StoredResource,
  options: WriteOptions,
  request: DeleteOptions,
): Promise<Deleted> {
  const { groupResource, declaration } = resource
  const present = head(kit, resource, options.namespace, options.name)
  if (!present) throw notFound(groupResource, options.name)
  declaration.delete?.refuse?.(present.object, contextOf(kit, options))
  const warning = declaration.delete?.defaultPropagationWarning
  if (warning && request.propagationPolicy === undefined && request.orphanDependents === undefined)
    options.warn(warning)
  const attributes = admissionOf(kit, { resource, operation: 'DELETE' }, options, present.object)
  const validating = kit.admission.validate(attributes, undefined)
  if (validating) await validating
  const key = storeKey(resource, options.namespace, options.name)
  const first = kit.store.transact((txn) => {
    const entry = txn.get(key)
    if (!entry) throw notFound(groupResource, options.name)
    return carryOut(kit, resource, { txn, key, current: entry.value }, { request, dryRun: options.dryRun })
  })
  if (!first.result.removeNext) return settle(resource, await durable(first).then(({ deleted }) => deleted))
  // The last MODIFIED and the DELETED have a revision each; nothing can come in between, nor be durable alone for a reader.
  const second = kit.store.transact((txn) => {
    const entry = txn.get(key)
    return entry ? removeNow(kit, resource, { txn, key, current: entry.value }) : first.result.deleted
  })
  return settle(resource, await durable(second))
}

function settle(resource: StoredResource, deleted: Deleted): Deleted {
  return { ...deleted, item: viewOf(resource, deleted.item) }
}

interface Target {
  readonly txn: Txn<Item>
  readonly key: string
  readonly current: Item
}

function carryOut(
  kit: Kit,
  resource: StoredResource,
  target: Target,
  { request, dryRun }: { request: DeleteOptions; dryRun: boolean },
): { deleted: Deleted; removeNext: boolean } {
  const { current, txn, key } = target
  checkPreconditions(resource, current.object, request)
  const returnsObject = resource.declaration.delete?.returnsObject === true
  const decision = decide(resource, current.object, request, kit.clock.now())
  const marked = decision.kind === 'pending' ? undefined : decision.draft
  if (decision.kind === 'pending' || (dryRun && !marked)) {
    const answer = returnsObject || blocked(resource, current.object) ? 'object' : 'status'
    return { deleted: { item: current, removed: decision.kind === 'remove', answer }, removeNext: false }
  }
  if (!marked) return { deleted: removeNow(kit, resource, target), removeNext: false }
  const removed = decision.kind === 'remove'
  const answer = returnsObject || !removed ? 'object' : 'status'
  if (dryRun) return { deleted: { item: unstored(marked), removed, answer }, removeNext: false }
  if (!removed && jsonEqual(marked, current.object))
    return { deleted: { item: current, removed, answer }, removeNext: false }
  const item = seal(kit, marked, txn.revision)
  txn.put(key, item)
  if (!removed) {
    const grace = item.object.metadata.deletionGracePeriodSeconds ?? 0
    kit.tracer.emit('delete-marked', traceName(resource, item.object), { detail: { grace } })
  }
  return { deleted: { item, removed, answer }, removeNext: removed }
}

function removeNow(kit: Kit, resource: StoredResource, { txn, key, current }: Target): Deleted {
  const item = remove(kit, txn, key, current)
  kit.tracer.emit('delete-removed', traceName(resource, item.object))
  return { item, removed: true, answer: resource.declaration.delete?.returnsObject ? 'object' : 'status' }
}

/** 409 unless the object is the one the client means. */
function checkPreconditions(resource: StoredResource, object: KubernetesObject, request: DeleteOptions): void {
  const { uid, resourceVersion } = request.preconditions ?? {}
  const { metadata } = object
  const { group, kind } = resource.declaration
  // A kind with finalizers of its own (Namespace) is compared by its storage, which words it differently.
  const own = resource.declaration.delete?.blocked !== undefined
  const refuse = (why: string, ownWhy: string) =>
    own
      ? conflict(resource.groupResource, metadata.name ?? '', ownWhy)
      : conflict({ group, resource: kind }, metadata.name ?? '', why)
  if (uid !== undefined && uid !== metadata.uid)
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    )
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    )
}

/** Pure: the object, the options and the time decide. `nowMs` in milliseconds since 1970. */
function decide(resource: StoredResource, object: KubernetesObject, request: DeleteOptions, nowMs: number): Decision {
  if (resource.declaration.delete?.blocked) return decideBlocked(resource, object, request, nowMs)
  const { metadata } = object
  const requested = request.gracePeriodSeconds === undefined ? undefined : atLeast(request.gracePeriodSeconds)
  let draft: Draft<KubernetesObject> | undefined
  if (metadata.deletionTimestamp !== undefined) {
    const running = metadata.deletionGracePeriodSeconds ?? 0
    if (running > 0) {
      const grace = resource.declaration.delete?.graceSeconds ? requested : undefined
      if (grace === undefined || grace >= running) return { kind: 'pending' }
      draft = shorten(object, grace, nowMs)
    }
  } else {
    const grace = resource.declaration.delete?.graceSeconds?.(object, requested)
    if (grace !== undefined) draft = begin(object, atLeast(grace), nowMs)
  }
  return conclude(resource, object, request, { draft, nowMs })
}

/** A negative grace is one second. */
function atLeast(seconds: number): number {
  return seconds < 0 ? 1 : seconds
}

/** The first delete of an object that knows grace. */
function begin(object: KubernetesObject, grace: number, nowMs: number): Draft<KubernetesObject> {
  const draft = metadataDraft(object)
  setDeletion(draft, rfc3339(nowMs + grace * 1000), grace)
  if (draft.metadata.generation) draft.metadata.generation++
  return draft
}

/** A later delete can only shorten: the end moves to the first request + the new grace, or to now when that is past. */
function shorten(object: KubernetesObject, grace: number, nowMs: number): Draft<KubernetesObject> {
  const draft = metadataDraft(object)
  const { deletionTimestamp = '', deletionGracePeriodSeconds = 0 } = draft.metadata
  const first = (parseTime(deletionTimestamp) ?? nowMs) - deletionGracePeriodSeconds * 1000
  const end = first + grace * 1000
  const past = grace > 0 && end < nowMs
  setDeletion(draft, rfc3339(past ? nowMs : end), past ? 1 : grace)
  return draft
}

/** What stands behind the deletion in Kubernetes' order. */
const BEHIND: readonly string[] = ['labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields']

function setDeletion(draft: Draft<KubernetesObject>, timestamp: string, grace: number): void {
  const before = draft.metadata as Readonly<Record<string, unknown>>
  const metadata: Record<string, unknown> = {}
  for (const key in before) if (!BEHIND.includes(key)) metadata[key] = before[key]
  metadata.deletionTimestamp = timestamp
  metadata.deletionGracePeriodSeconds = grace
  for (const key of BEHIND) if (before[key] !== undefined) metadata[key] = before[key]
  draft.metadata = metadata
}

/** Finalizers and what is left of the grace decide between marking and removing. */
function conclude(
  resource: StoredResource,
  object: KubernetesObject,
  request: DeleteOptions,
  { draft, nowMs }: { draft: Draft<KubernetesObject> | undefined; nowMs: number },
): Decision {
  const finalizers = collectorFinalizers(resource, object, request)
  const was = object.metadata.finalizers ?? []
  const changed = !sameMembers(was, finalizers)
  if (!draft && !changed && finalizers.length === 0) return { kind: 'remove' }
  const next = draft ?? metadataDraft(object)
  if (changed) {
    if (finalizers.length > 0) next.metadata.finalizers = finalizers
    else delete next.metadata.finalizers
  }
  if (!draft && finalizers.length > 0) markForFinalizers(next, nowMs)
  if (finalizers.length > 0 || (draft && (next.metadata.deletionGracePeriodSeconds ?? 0) > 0))
    return { kind: 'mark', draft: next }
  return { kind: 'remove', draft: next }
}

/** An object without grace that waits for finalizers has grace 0 from its first delete on. */
function markForFinalizers(draft: Draft<KubernetesObject>, nowMs: number): void {
  const meta = draft.metadata
  if (meta.deletionGracePeriodSeconds === undefined && meta.generation) meta.generation++
  const ends = meta.deletionTimestamp === undefined ? undefined : parseTime(meta.deletionTimestamp)
  const timestamp = ends === undefined || ends > nowMs ? rfc3339(nowMs) : (meta.deletionTimestamp ?? rfc3339(nowMs))
  setDeletion(draft, timestamp, 0)
}

/** A kind with finalizers of its own outside of metadata: the first delete marks, later ones wait until they are gone. */
function decideBlocked(
  resource: StoredResource,
  object: KubernetesObject,
  request: DeleteOptions,
  nowMs: number,
): Decision {
  const declared = resource.declaration.delete
  if (object.metadata.deletionTimestamp === undefined) {
    const draft = draftOf(object)
    const { labels, annotations, ownerReferences, finalizers: _, managedFields, ...head } = draft.metadata
    const finalizers = collectorFinalizers(resource, object, request)
    draft.metadata = {
      ...head,
      deletionTimestamp: rfc3339(nowMs),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
      ...(finalizers.length > 0 ? { finalizers } : {}),
      ...(managedFields ? { managedFields } : {}),
    }
    declared?.mark?.(draft)
    return { kind: 'mark', draft }
  }
  if (declared?.blocked?.(object)) return { kind: 'pending' }
  return conclude(resource, object, request, { draft: undefined, nowMs })
}

function blocked(resource: StoredResource, object: KubernetesObject): boolean {
  return resource.declaration.delete?.blocked?.(object) === true
}

/** The object's finalizers with the garbage collector's two put in or taken out, as the options and the kind's default say. */
function collectorFinalizers(resource: StoredResource, object: KubernetesObject, request: DeleteOptions): string[] {
  const present = object.metadata.finalizers ?? []
  const policy = propagation(resource, present, request)
  const kept = present.filter((name) => name !== ORPHAN && name !== FOREGROUND)
  if (policy === 'Orphan') kept.push(ORPHAN)
  if (policy === 'Foreground') kept.push(FOREGROUND)
  return kept
}

/** Options first, then a finalizer that is already there, then the kind's default. */
function propagation(
  resource: StoredResource,
  finalizers: readonly string[],
  request: DeleteOptions,
): 'Orphan' | 'Foreground' | 'Background' {
  if (request.orphanDependents !== undefined) return request.orphanDependents ? 'Orphan' : 'Background'
  if (request.propagationPolicy !== undefined) return request.propagationPolicy
  if (finalizers.includes(ORPHAN)) return 'Orphan'
  if (finalizers.includes(FOREGROUND)) return 'Foreground'
  return resource.declaration.delete?.defaultPropagation === 'orphan' ? 'Orphan' : 'Background'
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  const names = new Set(b)
  return a.length === b.length && a.every((name) => names.has(name))
}
