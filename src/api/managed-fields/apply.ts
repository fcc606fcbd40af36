/**
 * Server-side apply: the caller says what it wants of an object; it gets just that, and loses what it no longer says, unless
 * somebody else holds the field. Source: KEP-555; "Server-Side Apply" of the documentation.
 */
import { atOnce, type Steps } from '../../base/steps.ts'
import type { KubernetesObject, ManagedFieldsEntry } from '../object.ts'
import { type Definition, definition as definitionOf } from '../schema.ts'
import { ApiError, badRequest, failure, type StatusCause } from '../status.ts'
import { zeroObject } from '../zero.ts'
import { compare } from './compare.ts'
import { difference, type FieldSet, intersection, paths, unionOf, withNamedFields, without } from './field-set.ts'
import { BRIDGED_MANAGER, lastAppliedFields, withLastApplied } from './last-applied.ts'
import { mergeObjects, withoutFields } from './merge.ts'
import { elementText, fieldSetOf, typeErrors } from './typed.ts'
import {
  type EntryKey,
  entryOf,
  fieldsOf,
  ignoredBy,
  isEntryOf,
  sortEntries,
  UNMANAGED,
  updateManagedFields,
  withFields,
} from './update.ts'

export interface ApplyRequest {
  /** undefined: the apply creates it. */
  readonly live: KubernetesObject | undefined
  /** What was sent, as it was sent. */
  readonly config: unknown
  readonly manager: string
  /** Take fields from those who hold them, instead of a conflict. */
  readonly force: boolean
  readonly subresource: string
  /** RFC 3339 with seconds. */
  readonly time: string
  readonly definition: string
  readonly apiVersion: string
}

/** Holds what an object had before it was applied for the first time. */
const BEFORE = 'before-first-apply'

/** The merged object, not yet conformed, with its managedFields. Throws ApiError 400, 409 and 500. */
export const applyObject = (request: ApplyRequest): Record<string, unknown> => atOnce(applySteps(request))

export function* applySteps(request: ApplyRequest): Steps<Record<string, unknown>> {
  const definition = definitionOf(request.definition)
  const config = checkedConfig(request, definition)
  const { managedFields, ...metadata } = request.live?.metadata ?? {}
  const live: Loose = request.live
    ? { ...request.live, metadata }
    : { ...zeroObject(definition), kind: config.kind, apiVersion: config.apiVersion }
  const before = managedFields?.length ? managedFields : untrackedBefore(request)
  yield
  const outcome = yield* merge(live, config, { request, definition, before })
  yield
  const changed = outcome.object !== undefined
  const entries = entriesAfter(request, outcome, changed)
  const result = outcome.object ?? live
  const object = request.manager === BRIDGED_MANAGER ? withLastApplied(result, config) : result
  const merged = { ...(object.metadata as object), ...(entries.length ? { managedFields: entries } : {}) }
  return { ...object, metadata: merged }
}

/** 400 for another kind, 500 for fields that the schema does not know or that have the wrong type. */
function checkedConfig({ config, apiVersion }: ApplyRequest, definition: Definition): Record<string, unknown> {
  const value = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>
  const sent = { kind: text(value.kind), apiVersion: text(value.apiVersion) }
  if (sent.kind !== definition.short || sent.apiVersion !== apiVersion)
    throw badRequest(`invalid object type: ${kindText(sent)}`)
  const metadata = (value.metadata ?? {}) as KubernetesObject['metadata']
  if (metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest('metadata.managedFields must be nil')
  const errors = typeErrors(value, definition)
  if (errors.length === 0) return value
  const what = `${metadata.namespace ?? ''}/${metadata.name ?? ''}; ${kindText(sent)}`
  const list = errors.length === 1 ? errors[0] : `errors:\n${errors.map((error) => `  ${error}`).join('\n')}`
  const message = `failed to create typed patch object (${what}): ${list}`
  throw new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 })
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')

function kindText({ kind, apiVersion }: { kind: string; apiVersion: string }): string {
  return `${apiVersion.includes('/') || apiVersion === '' ? apiVersion || '/' : `/${apiVersion}`}, Kind=${kind}`
}

/** An object without managedFields belongs, before its first apply, to a manager of that name. */
function untrackedBefore({ live, definition, apiVersion, time }: ApplyRequest): readonly ManagedFieldsEntry[] {
  if (!live) return []
  const write = { old: undefined, new: live, manager: BEFORE, subresource: '', time, definition, apiVersion }
  return updateManagedFields(write) ?? []
}

type Loose = Record<string, unknown>

interface Outcome {
  /** undefined: the apply changes nothing of the object. */
  readonly object: Loose | undefined
  readonly others: readonly ManagedFieldsEntry[]
  readonly set: FieldSet | undefined
  readonly last: ManagedFieldsEntry | undefined
}

interface Around {
  readonly request: ApplyRequest
  readonly definition: Definition
  readonly before: readonly ManagedFieldsEntry[]
}

/** Appliers are known by name and subresource, whatever version they apply. */
function isOwn(entry: ManagedFieldsEntry, { manager, subresource }: ApplyRequest): boolean {
  const key = { manager, operation: 'Apply', apiVersion: entry.apiVersion ?? '', subresource }
  return isEntryOf(entry, key)
}

function* merge(live: Loose, config: Loose, { request, definition, before }: Around): Steps<Outcome> {
  const ignored = ignoredBy(request.subresource, definition)
  const said = fieldSetOf(config, definition)
  yield
  const set = without(difference(said, UNMANAGED), ignored)
  const last = before.find((entry) => isOwn(entry, request))
  const rest = before.filter((entry) => entry !== last)
  yield
  const full = mergeObjects(live, config, definition)
  yield
  const object = yield* pruned(full, {
    definition,
    last: last && fieldsOf(last),
    managed: unionOf([set, ...rest.map(fieldsOf)]),
  })
  yield
  const { taken, removed } = compare(live, object, definition)
  yield
  const gained = without(difference(taken, UNMANAGED), ignored)
  yield
  const conflicts = rest.map((entry) => ({ entry, fields: intersection(fieldsOf(entry), gained) }))
  if (!request.force) {
    const allowed = request.manager === BRIDGED_MANAGER ? lastAppliedFields(live, definition) : undefined
    refuseConflicts(
      conflicts.flatMap(({ entry, fields }) => {
        const left = difference(fields, allowed)
        return left ? [{ entry, fields: left }] : []
      }),
    )
  }
  yield
  const others = rest.flatMap((entry) => {
    const left = difference(difference(fieldsOf(entry), gained), without(removed, ignored))
    return withFields(entry, left) ?? []
  })
  return { object: taken || removed ? object : undefined, others, set, last }
}

interface Pruning {
  readonly definition: Definition
  /** What the manager held before. */
  readonly last: FieldSet | undefined
  /** What anybody holds now. */
  readonly managed: FieldSet | undefined
}

/** Takes out what the manager held and no longer says, but for what others hold and what never was anybody's. */
function* pruned(merged: Loose, { definition, last, managed }: Pruning): Steps<Loose> {
  if (!last) return merged
  const named = withNamedFields
  const all = named(fieldSetOf(merged, definition))
  yield
  const bare = withoutFields(merged, named(last), definition)
  yield
  const unowned = difference(difference(all, named(fieldSetOf(bare, definition))), named(managed))
  yield
  const owned = withoutFields(merged, unowned, definition)
  yield
  const dangling = intersection(difference(all, named(fieldSetOf(owned, definition))), named(last))
  yield
  return withoutFields(merged, dangling, definition)
}

interface Conflict {
  readonly entry: ManagedFieldsEntry
  readonly fields: FieldSet
}

/** 409 with a cause for each field that others hold. */
function refuseConflicts(conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return
  const causes: StatusCause[] = []
  const byManager: [string, string[]][] = []
  for (const { entry, fields } of conflicts) {
    const fieldTexts = paths(fields).map((path) => path.map(elementText).join(''))
    byManager.push([managerText(entry), fieldTexts])
    for (const field of fieldTexts)
      causes.push({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(entry)}`, field })
  }
  const [first] = causes
  const lines = byManager
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([manager, fields]) => [`conflicts with ${manager}:`, ...fields.map((field) => `- ${field}`)])
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${first?.message}: ${first?.field}`
      : `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`
  throw failure(409, 'Conflict', message, { causes })
}

function managerText({ manager, subresource, operation, apiVersion }: ManagedFieldsEntry): string {
  const where = subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''
  return `${JSON.stringify(manager ?? '')}${where}${operation === 'Update' ? ` using ${apiVersion}` : ''}`
}

function entriesAfter(
  request: ApplyRequest,
  { others, set, last }: Outcome,
  changed: boolean,
): readonly ManagedFieldsEntry[] {
  const { manager, apiVersion, subresource, time } = request
  const key: EntryKey = { manager, operation: 'Apply', apiVersion, subresource }
  if (!set) return sortEntries([...others])
  const own = entryOf(key, set, changed ? time : last?.time)
  return sortEntries([...others, own])
}
