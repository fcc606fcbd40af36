/**
 * Create and update, for every kind. The order is Kubernetes': metadata, admission, prepare, validate, validating admission,
 * commit. An update runs the same list inside retry-on-conflict: admission may wait, the compare inside the transaction may not.
 */
import { addErrors, errorsOf, type FieldError, invalidObject } from '../api/field-error.ts'
import { jsonEqual } from '../api/json-equal.ts'
import type { Draft, KubernetesObject, ObjectMeta } from '../api/object.ts'
import { ApiError, alreadyExists, badRequest, conflict, failure, notFound } from '../api/status.ts'
import { rfc3339 } from '../api/time.ts'
import { uuid } from '../base/random.ts'
import { type Pause, stepwise } from '../base/steps.ts'
import type { WriteStrategy } from '../resources/declaration.ts'
import type { Entry } from '../store/store.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import type { AdmissionAttributes } from './admission-port.ts'
import { allocateCreate, allocateUpdate } from './allocate.ts'
import { draftOf } from './draft.ts'
import {
  admissionOf,
  contextOf,
  head,
  type Kit,
  ONE_TURN_BYTES_MAX,
  remove,
  seal,
  traceName,
  unstored,
  type WriteOptions,
} from './kit.ts'
import { dropDuplicateOwners, metadataErrors, metadataUpdateErrors } from './metadata.ts'
import { generateName } from './names.ts'
import { admitNamespace, refuseTerminatingNamespace, requireNamespace } from './namespace-lifecycle.ts'
import { objectNulErrors } from './nul.ts'
import { type StoredResource, storeKey, viewOf } from './resource.ts'
import { durable } from './store-words.ts'

/** How often a generated name may collide before the client is told. */
const GENERATED_NAME_ATTEMPTS_MAX = 8

/** How often an update is tried against a moving object before the client is told (Kubernetes retries for ever; so do we, nearly). */
const UPDATE_ATTEMPTS_MAX = 100

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

export interface Written {
  readonly item: Item
  readonly created: boolean
}

/** Stores a new object. `draft` is the registry's to change from here on. */
export async function create(
  kit: Kit,
  resource: StoredResource,
  draft: Draft<KubernetesObject>,
  options: WriteOptions,
): Promise<Item> {
  draft.metadata ??= {}
  placeInNamespace(draft, options.namespace)
  if (draft.metadata.resourceVersion)
    throw failure(500, '', 'resourceVersion should not be set on objects to be created')
  const name = options.name || draft.metadata.name || ''
  const named = { ...options, name }
  const attributes = admissionOf(kit, { resource, operation: 'CREATE' }, named, undefined)
  admitNamespace(kit, resource, attributes)
  dropDuplicateOwners(draft.metadata, options.warn)
  const tracking = track(kit, draft, undefined, { resource, subresource: '', options })
  if (tracking) await tracking
  if (options.pause) await options.pause()
  const mutating = kit.admission.mutate(attributes, draft)
  if (mutating) await mutating
  for (let attempt = 1; ; attempt++) {
    try {
      return await createNamed(kit, resource, draft, { attributes, options: named })
    } catch (error) {
      const collided = error instanceof ApiError && error.reason === 'AlreadyExists'
      if (!collided || name || !draft.metadata.generateName || attempt >= GENERATED_NAME_ATTEMPTS_MAX) throw error
      draft.metadata.name = ''
      delete draft.metadata.resourceVersion
    }
  }
}

/** Notes what the writer manages, before admission and the server add to it: those parts are nobody's. */
function track(
  kit: Kit,
  draft: Draft<KubernetesObject>,
  old: KubernetesObject | undefined,
  { resource, subresource, options }: { resource: StoredResource; subresource: string; options: WriteOptions },
): void | Promise<void> {
  if (options.applied || !kit.updateManagedFields) return
  const now = rfc3339(kit.clock.now())
  const steps = kit.updateManagedFields(draft, old, { resource, subresource, manager: options.fieldManager, now })
  return stepwise(steps, options.pause)
}

async function createNamed(
  kit: Kit,
  resource: StoredResource,
  draft: Draft<KubernetesObject>,
  { attributes, options }: { attributes: AdmissionAttributes; options: WriteOptions },
): Promise<Item> {
  const { declaration } = resource
  const context = contextOf(kit, options)
  const generation = declaration.generation === 'spec' ? 1 : 0
  draft.metadata = birthMetadata(kit, draft.metadata, { now: context.now, generation })
  draft.metadata.name ||= generateName(kit.random, draft.metadata.generateName ?? '')
  declaration.strategy.prepare?.(draft, undefined, context)
  if (options.pause) await options.pause()
  const errors = [...errorsOf(() => metadataErrors(declaration, draft.metadata as ObjectMeta))]
  addErrors(errors, objectNulErrors(draft, undefined, declaration.definition))
  if (options.pause) await options.pause()
  addErrors(
    errors,
    errorsOf(() => declaration.strategy.validate?.(draft as KubernetesObject, undefined, context) ?? []),
  )
  if (errors.length > 0) throw invalidObject(groupKind(resource), draft.metadata.name ?? '', errors)
  if (options.pause) await options.pause()
  declaration.strategy.warn?.(draft as KubernetesObject, undefined, context)
  declaration.strategy.admit?.(draft as KubernetesObject, undefined, context)
  const validating = kit.admission.validate(attributes, draft as KubernetesObject)
  if (validating) await validating
  if (options.pause) await options.pause()
  return commitCreate(kit, resource, draft, options)
}

async function commitCreate(
  kit: Kit,
  resource: StoredResource,
  draft: Draft<KubernetesObject>,
  options: WriteOptions,
): Promise<Item> {
  const { namespace = '', name = '' } = draft.metadata
  const key = storeKey(resource, namespace, name)
  const storage = resource.declaration.storage
  const commit = kit.store.transact((txn) => {
    const present = txn.get(key)
    if (present) throw nameTaken(resource, name, present.value)
    refuseTerminatingNamespace(kit, txn, resource, namespace)
    allocateCreate(kit, txn, resource, draft)
    if (options.dryRun) return unstored(draft)
    const item = seal(kit, storage ? draftOf(storage.toStored(draft as KubernetesObject)) : draft, txn.revision)
    txn.put(key, item)
    return item
  })
  return viewOf(resource, await durable(commit))
}

function nameTaken(resource: StoredResource, name: string, present: Item): ApiError {
  const error = alreadyExists(resource.groupResource, name)
  if (present.object.metadata.deletionTimestamp === undefined) return error
  return new ApiError({ ...error.status, message: `object is being deleted: ${error.status.message}` })
}

/**
 * The request's namespace is the object's, unless the object says another one: 400. What lives outside of namespaces (request: '')
 * is in none, whatever it says.
 */
export function placeInNamespace({ metadata }: Draft<KubernetesObject>, namespace: string): void {
  if (metadata.namespace === namespace) return
  if (!namespace) delete metadata.namespace
  else if (!metadata.namespace) metadata.namespace = namespace
  else throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
}

/** Metadata in Kubernetes' order of members, with what the server alone decides. */
function birthMetadata(
  kit: Kit,
  sent: Draft<ObjectMeta>,
  { now, generation }: { now: string; generation: number },
): Draft<ObjectMeta> {
  const meta: Draft<ObjectMeta> = {}
  if (sent.name) meta.name = sent.name
  else if (sent.generateName) meta.name = ''
  if (sent.generateName) meta.generateName = sent.generateName
  if (sent.namespace) meta.namespace = sent.namespace
  meta.uid = uuid(kit.random)
  meta.resourceVersion = ''
  // Kinds that count generations start at 1; the others keep what a client says, as Kubernetes does.
  const first = generation || sent.generation
  if (first) meta.generation = first
  meta.creationTimestamp = now
  copyOwn(meta, sent)
  return meta
}

/** What clients own of the metadata; empty collections are left out, as they are on the wire. */
function copyOwn(meta: Draft<ObjectMeta>, sent: Draft<ObjectMeta>): void {
  if (sent.labels && !isEmpty(sent.labels)) meta.labels = sent.labels
  if (sent.annotations && !isEmpty(sent.annotations)) meta.annotations = sent.annotations
  if (sent.ownerReferences?.length) meta.ownerReferences = sent.ownerReferences
  if (sent.finalizers?.length) meta.finalizers = sent.finalizers
  if (sent.managedFields?.length) meta.managedFields = sent.managedFields
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false
  return true
}

export interface UpdateRequest {
  /** '' for the main resource, else the subresource whose strategy writes. */
  readonly subresource: string
  readonly strategy: WriteStrategy<KubernetesObject>
  /** How managedFields name the way of writing; false: nobody becomes a manager. Default: the subresource. */
  readonly manages?: string | false
  /** PUT: a missing object is created, with the body as it came. */
  readonly createMissing?: () => Draft<KubernetesObject> | Promise<Draft<KubernetesObject>>
  /** What a PUT's body says of the object it means. */
  readonly uid?: string | undefined
  /** PUT: the precondition is a conflict (409); a patch that changes the uid is invalid (422). */
  readonly unconditional: boolean
  /**
   * The object as it shall be, made from the present one. Runs again when the object moved meanwhile. The result is the
   * registry's to change. Long work pauses between its steps.
   */
  transform(
    current: KubernetesObject,
    pause: Pause | undefined,
  ): Draft<KubernetesObject> | Promise<Draft<KubernetesObject>>
}

/** Changes an object: the transform's result is prepared, validated and committed, or nothing happens. */
export async function update(
  kit: Kit,
  resource: StoredResource,
  request: UpdateRequest,
  options: WriteOptions,
): Promise<Written> {
  const key = storeKey(resource, options.namespace, options.name)
  for (let attempt = 1; ; attempt++) {
    const present = kit.store.transact((txn) => txn.get(key)).result
    if (!present) {
      if (request.uid) throw uidConflict(resource, options, request.uid, '')
      if (!request.createMissing) throw notFound(resource.groupResource, options.name)
      return { item: await create(kit, resource, await request.createMissing(), options), created: true }
    }
    const current = viewOf(resource, present.value)
    const ready = await prepareUpdate(kit, resource, request, { options: unhurried(options, current), current })
    if (!ready) {
      await durable(kit.store.transact(() => undefined))
      return { item: current, created: false }
    }
    const item = await commitUpdate(kit, resource, ready, { options, present })
    if (item) return { item, created: false }
    if (attempt >= UPDATE_ATTEMPTS_MAX) throw conflict(resource.groupResource, options.name, MODIFIED)
  }
}

/** What is large needs as many turns as what comes in a large body. */
function unhurried(options: WriteOptions, current: Item): WriteOptions {
  const { pause, pauseIfLarge } = options
  return pause || !pauseIfLarge || current.bytes.length <= ONE_TURN_BYTES_MAX
    ? options
    : { ...options, pause: pauseIfLarge }
}

function uidConflict(resource: StoredResource, options: WriteOptions, wanted: string, found: string): ApiError {
  const key = storeKey(resource, options.namespace, options.name)
  return conflict(
    resource.groupResource,
    options.name,
    `StorageError: invalid object, Code: 4, Key: /registry${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`,
  )
}

/** The draft to commit, or undefined when it would change nothing. */
async function prepareUpdate(
  kit: Kit,
  resource: StoredResource,
  request: UpdateRequest,
  { options, current }: { options: WriteOptions; current: Item },
): Promise<Draft<KubernetesObject> | undefined> {
  const old = current.object
  if (request.uid && request.uid !== old.metadata.uid)
    throw uidConflict(resource, options, request.uid, old.metadata.uid ?? '')
  const made = request.transform(old, options.pause)
  const draft = made instanceof Promise ? await made : made
  checkRevision(resource, request, draft, old)
  const { subresource } = request
  dropDuplicateOwners(draft.metadata, options.warn)
  if (options.pause) await options.pause()
  const { manages = subresource } = request
  const tracking = manages !== false && track(kit, draft, old, { resource, subresource: manages, options })
  if (tracking) await tracking
  const attributes = admissionOf(kit, { resource, subresource, operation: 'UPDATE' }, options, old)
  requireNamespace(kit, resource, options.namespace)
  const mutating = kit.admission.mutate(attributes, draft)
  if (mutating) await mutating
  if (options.pause) await options.pause()
  const context = contextOf(kit, options)
  keepMetadata(draft, old, options)
  request.strategy.prepare?.(draft, old, context)
  if (subresource === '' && resource.declaration.generation === 'spec' && specChanged(draft, old))
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1
  const errors = wholeErrors(resource, draft, old)
  if (options.pause) await options.pause()
  addErrors(
    errors,
    errorsOf(() => request.strategy.validate?.(draft as KubernetesObject, old, context) ?? []),
  )
  if (errors.length > 0) throw invalidObject(groupKind(resource), draft.metadata.name ?? '', errors)
  if (options.pause) await options.pause()
  request.strategy.warn?.(draft as KubernetesObject, old, context)
  request.strategy.admit?.(draft as KubernetesObject, old, context)
  const validating = kit.admission.validate(attributes, draft as KubernetesObject)
  if (validating) await validating
  if (options.pause) await options.pause()
  return jsonEqual(draft, old) ? undefined : draft
}

function checkRevision(
  resource: StoredResource,
  request: UpdateRequest,
  draft: Draft<KubernetesObject>,
  old: KubernetesObject,
): void {
  const sent = draft.metadata.resourceVersion ?? ''
  if (sent === '' || sent === '0') {
    if (!request.unconditional)
      throw invalidObject(
        { ...resource.groupResource, kind: resource.groupResource.resource },
        draft.metadata.name ?? '',
        [
          {
            type: 'FieldValueInvalid',
            field: 'metadata.resourceVersion',
            message: 'Invalid value: 0: must be specified for an update',
          },
        ],
      )
    if (old.metadata.resourceVersion !== undefined) draft.metadata.resourceVersion = old.metadata.resourceVersion
    return
  }
  if (!/^\d+$/.test(sent)) throw failure(500, '', `strconv.ParseUint: parsing ${JSON.stringify(sent)}: invalid syntax`)
  if (sent !== old.metadata.resourceVersion) throw conflict(resource.groupResource, draft.metadata.name ?? '', MODIFIED)
}

/** What an update can never change, whatever was sent. */
function keepMetadata(draft: Draft<KubernetesObject>, old: KubernetesObject, options: WriteOptions): void {
  const sent = draft.metadata
  const was = old.metadata
  const meta: Draft<ObjectMeta> = {}
  meta.name = sent.name || options.name
  const generateName = sent.generateName ?? was.generateName
  if (generateName) meta.generateName = generateName
  const namespace = sent.namespace || was.namespace
  if (namespace) meta.namespace = namespace
  const uid = sent.uid || was.uid
  if (uid) meta.uid = uid
  if (sent.resourceVersion) meta.resourceVersion = sent.resourceVersion
  if (was.generation !== undefined) meta.generation = was.generation
  if (was.creationTimestamp !== undefined) meta.creationTimestamp = was.creationTimestamp
  const deletion = was.deletionTimestamp ?? sent.deletionTimestamp
  if (deletion !== undefined) meta.deletionTimestamp = deletion
  const grace = sent.deletionGracePeriodSeconds ?? was.deletionGracePeriodSeconds
  if (grace !== undefined) meta.deletionGracePeriodSeconds = grace
  copyOwn(meta, sent)
  draft.metadata = meta
}

/** Whether anything but metadata and status differs. */
function specChanged(draft: Draft<KubernetesObject>, old: KubernetesObject): boolean {
  const rest = (object: object) => ({ ...object, metadata: undefined, status: undefined })
  return !jsonEqual(rest(draft), rest(old))
}

/** What is wrong with an update whatever its kind. */
function wholeErrors(resource: StoredResource, draft: Draft<KubernetesObject>, old: KubernetesObject): FieldError[] {
  const metadata = errorsOf(() => metadataUpdateErrors(draft.metadata as ObjectMeta, old.metadata))
  // Kubernetes checks the metadata twice, generally and with the kind, and so names each cause twice.
  return [...metadata, ...metadata, ...objectNulErrors(draft, old, resource.declaration.definition)]
}

/** The committed item, or undefined when the object moved since it was read. */
async function commitUpdate(
  kit: Kit,
  resource: StoredResource,
  draft: Draft<KubernetesObject>,
  { options, present }: { options: WriteOptions; present: Entry<Item> },
): Promise<Item | undefined> {
  const { key } = present
  const commit = kit.store.transact((txn) => {
    if (txn.get(key)?.modRevision !== present.modRevision) return undefined
    allocateUpdate(kit, txn, resource, { draft, old: present.value.object })
    if (endsTermination(resource, draft)) {
      if (!options.dryRun) {
        remove(kit, txn, key, present.value)
        kit.tracer.emit('delete-removed', traceName(resource, present.value.object), {
          cause: 'last finalizer removed',
        })
      }
      return unstored(draft)
    }
    if (options.dryRun) return unstored(draft)
    const storage = resource.declaration.storage
    const item = seal(kit, storage ? draftOf(storage.toStored(draft as KubernetesObject)) : draft, txn.revision)
    txn.put(key, item)
    return item
  })
  const item = await durable(commit)
  return item && viewOf(resource, item)
}

/** A terminating object goes with the update that takes its last finalizer, unless its grace still runs. */
function endsTermination(resource: StoredResource, draft: Draft<KubernetesObject>): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = draft.metadata
  if (deletionTimestamp === undefined || finalizers?.length || deletionGracePeriodSeconds) return false
  return !resource.declaration.delete?.blocked?.(draft as KubernetesObject)
}

function groupKind(resource: StoredResource): { group: string; resource: string; kind: string } {
  const { kind, storage } = resource.declaration
  return { ...resource.groupResource, group: storage?.errorGroup ?? resource.groupResource.group, kind }
}

/** Reads the object that a subresource acts on, or 404. */
export function presentOrNotFound(kit: Kit, resource: StoredResource, options: WriteOptions): Item {
  const item = head(kit, resource, options.namespace, options.name)
  if (!item) throw notFound(resource.groupResource, options.name)
  return viewOf(resource, item)
}
