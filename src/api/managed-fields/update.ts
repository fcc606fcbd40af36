/**
 * metadata.managedFields after a create, update or patch: who manages which fields. The writer takes what it added or
 * changed, everybody loses what was changed or removed. Source: KEP-555; "Field management" of the documentation.
 */
import { atOnce, type Steps } from '../../base/steps.ts'
import type { KubernetesObject, ManagedFieldsEntry } from '../object.ts'
import { type Definition, definition as definitionOf } from '../schema.ts'
import { zeroObject } from '../zero.ts'
import { compare } from './compare.ts'
import { canonical, difference, type FieldSet, isFieldSet, LEAF, union, unionOf, without } from './field-set.ts'

export interface FieldWrite {
  /** undefined: a create. */
  readonly old: KubernetesObject | undefined
  readonly new: KubernetesObject
  readonly manager: string
  /** '' for the main resource. */
  readonly subresource: string
  /** RFC 3339 with seconds. */
  readonly time: string
  /** Full name of the definition. */
  readonly definition: string
  /** Of the version that was written, `apps/v1`. */
  readonly apiVersion: string
}

/** More managers than this that only update are folded into one entry, oldest first. */
const UPDATE_MANAGERS_MAX = 10
const ANCIENT = 'ancient-changes'

type Entries = readonly ManagedFieldsEntry[] | undefined

/** The new list; undefined when nobody manages anything. */
export const updateManagedFields = (write: FieldWrite): Entries => atOnce(updateSteps(write))

export function* updateSteps(write: FieldWrite): Steps<Entries> {
  const before = entriesBefore(write)
  // An object that is not tracked (its list was cleared) stays so until it is applied.
  if (before.length === 0 && write.old) return undefined
  yield
  const { taken, removed } = yield* changesOf(write)
  if (!taken && !removed) return before
  yield
  const key = {
    manager: write.manager,
    operation: 'Update',
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  }
  return yield* withTaken(before, { taken, removed, key, time: write.time })
}

/** The entries that the change meets: those of the request where it says some, else the object's. */
function entriesBefore({ old, new: now, subresource }: Pick<FieldWrite, 'old' | 'new' | 'subresource'>) {
  const sent = now.metadata.managedFields
  const present = old?.metadata.managedFields ?? []
  if (subresource !== '' || sent === undefined) return present
  const [first] = sent
  if (sent.length === 0 || (sent.length === 1 && first && Object.keys(first).length === 0)) return []
  return sent.every((entry, i) => isReadable(entry, present[i]?.fieldsV1)) ? sent : present
}

/** `known`: a set that need not be looked at again; a patch leaves those of the object as they are. */
function isReadable(entry: ManagedFieldsEntry, known: unknown): boolean {
  const { operation, apiVersion, fieldsType, fieldsV1 } = entry
  if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return false
  return fieldsV1 === known || fieldsV1 === undefined || fieldsV1 === null || isFieldSet(fieldsV1)
}

const members = (names: readonly string[]): FieldSet => Object.fromEntries(names.map((name) => [`f:${name}`, LEAF]))

/** What nobody manages: it is the server's, or it is what names the object. */
export const UNMANAGED: FieldSet = {
  ...members(['apiVersion', 'kind']),
  'f:metadata': {
    '.': LEAF,
    ...members([
      'name',
      'namespace',
      'creationTimestamp',
      'selfLink',
      'uid',
      'generation',
      'managedFields',
      'resourceVersion',
    ]),
  },
}

const STATUS: FieldSet = { 'f:status': LEAF }
const SPEC: FieldSet = { 'f:spec': LEAF }

const DELETION: FieldSet = { 'f:metadata': members(['deletionTimestamp', 'deletionGracePeriodSeconds']) }
/** What a create cannot set either: by way of what it ignores anyway. */
const NOT_CREATED = new Map([undefined, STATUS, SPEC].map((ways) => [ways, union(ways, DELETION)]))

/** What a write by this way cannot change, whatever was sent. */
export function ignoredBy(subresource: string, definition: Definition): FieldSet | undefined {
  if (subresource === 'status') return SPEC
  return definition.fields.has('status') && definition.fields.has('spec') ? STATUS : undefined
}

const zeros = new Map<Definition, object>()

/** What a create is compared with: made once for each kind, never changed. */
function nothing(definition: Definition): object {
  let zero = zeros.get(definition)
  if (!zero) {
    zero = zeroObject(definition)
    zeros.set(definition, zero)
  }
  return zero
}

function* changesOf(write: FieldWrite): Steps<Pick<Taking, 'taken' | 'removed'>> {
  const definition = definitionOf(write.definition)
  const ways = ignoredBy(write.subresource, definition)
  const ignored = write.old ? ways : NOT_CREATED.get(ways)
  const old = write.old ?? nothing(definition)
  const { taken, removed } = compare(untracked(old), untracked(write.new), definition)
  yield
  return { taken: without(difference(taken, UNMANAGED), ignored), removed: without(removed, ignored) }
}

/** Without the list itself, which is as large as all the rest. */
function untracked(object: object): object {
  const { metadata } = object as KubernetesObject
  return metadata?.managedFields === undefined
    ? object
    : { ...object, metadata: { ...metadata, managedFields: undefined } }
}

export interface EntryKey {
  readonly manager: string
  readonly operation: string
  readonly apiVersion: string
  readonly subresource: string
}

export function isEntryOf(entry: ManagedFieldsEntry, key: EntryKey): boolean {
  return (
    (entry.manager ?? '') === key.manager &&
    entry.operation === key.operation &&
    entry.apiVersion === key.apiVersion &&
    (entry.subresource ?? '') === key.subresource
  )
}

export const fieldsOf = (entry: ManagedFieldsEntry) => {
  const fields = entry.fieldsV1 as FieldSet | undefined
  return fields && Object.keys(fields).length > 0 ? fields : undefined
}

/** An entry in Kubernetes' order of members. */
export function entryOf(key: EntryKey, fields: FieldSet, time: string | undefined): ManagedFieldsEntry {
  return {
    manager: key.manager,
    operation: key.operation,
    apiVersion: key.apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: canonical(fields),
    ...(key.subresource ? { subresource: key.subresource } : {}),
  }
}

/** The entry with other fields; undefined when none are left. */
export function withFields(entry: ManagedFieldsEntry, fields: FieldSet | undefined): ManagedFieldsEntry | undefined {
  if (fields === undefined) return undefined
  return fields === entry.fieldsV1 ? entry : { ...entry, fieldsV1: fields }
}

interface Taking {
  readonly taken: FieldSet | undefined
  readonly removed: FieldSet | undefined
  readonly key: EntryKey
  readonly time: string
}

function* withTaken(before: readonly ManagedFieldsEntry[], { taken, removed, key, time }: Taking): Steps<Entries> {
  const out: ManagedFieldsEntry[] = []
  let own: FieldSet | undefined = taken
  for (const entry of before) {
    const left = difference(difference(fieldsOf(entry), removed), taken)
    yield
    if (taken && isEntryOf(entry, key)) {
      own = union(left, taken)
      continue
    }
    const kept = withFields(entry, left)
    if (kept) out.push(kept)
  }
  yield
  if (own && taken) out.push(entryOf(key, own, time))
  return out.length === 0 ? undefined : sortEntries(capped(out))
}

/** Appliers first, then by time, manager, version and subresource. */
export function sortEntries(entries: ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const order = (e: ManagedFieldsEntry) =>
    [e.operation, e.time, e.manager, e.apiVersion, e.subresource].map((x) => x ?? '')
  return entries.sort((a, b) => {
    const x = order(a)
    const y = order(b)
    const at = x.findIndex((text, i) => text !== y[i])
    return at < 0 ? 0 : (x[at] as string) < (y[at] as string) ? -1 : 1
  })
}

function capped(entries: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updates = entries.filter((entry) => entry.operation === 'Update')
  const excess = updates.length - UPDATE_MANAGERS_MAX
  if (excess <= 0) return entries
  const single = updates.filter((entry) => entry.manager !== ANCIENT)
  const isNew = single.length === updates.length ? 1 : 0
  const oldest = single.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).slice(0, excess + isNew)
  const folded = new Set(oldest)
  const out: ManagedFieldsEntry[] = []
  const ancient = new Map<string, ManagedFieldsEntry[]>()
  for (const entry of entries) {
    const { apiVersion = '' } = entry
    if (isEntryOf(entry, ancientKey(apiVersion))) ancient.set(apiVersion, [entry])
    else if (!folded.has(entry)) out.push(entry)
  }
  for (const entry of oldest) {
    const parts = ancient.get(entry.apiVersion ?? '')
    if (parts) parts.push(entry)
    else ancient.set(entry.apiVersion ?? '', [entry])
  }
  for (const [apiVersion, parts] of ancient) {
    const fields = unionOf(parts.map(fieldsOf))
    if (fields) out.push(entryOf(ancientKey(apiVersion), fields, parts.at(-1)?.time))
  }
  return out
}

const ancientKey = (apiVersion: string): EntryKey => ({
  manager: ANCIENT,
  operation: 'Update',
  apiVersion,
  subresource: '',
})
