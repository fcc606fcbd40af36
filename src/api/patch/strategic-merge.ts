/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are merged, by which key. Directives:
 * `$patch: replace|delete` in an object or list element, `$retainKeys`, `$deleteFromPrimitiveList/<list>`,
 * `$setElementOrder/<list>`. Source: Kubernetes' contributor documentation, "Strategic Merge Patch".
 *
 *   applyStrategicMerge({ spec: { ports: [{ port: 80 }] } }, { spec: { ports: [{ port: 81 }] } }, service)
 *   // { spec: { ports: [{ port: 81 }, { port: 80 }] } }: elements that are new stand before those the patch does not name
 *
 * Nothing is changed in place, so a patch that fails leaves nothing behind.
 */
import { jsonEqual } from '../json-equal.ts'
import type { Definition, Field, Type } from '../schema.ts'
import { ordered } from './element-order.ts'
import { goText, isJsonObject, type Json, type JsonObject } from './json-value.ts'

/** A patch that cannot be applied; `code` is the status that Kubernetes gives it. */
export class StrategicMergeError extends Error {
  override readonly name = 'StrategicMergeError'
  readonly code: 400 | 422 | 500
  constructor(code: 400 | 422 | 500, message: string) {
    super(message)
    this.code = code
  }
}

const PATCH = '$patch'
const RETAIN = '$retainKeys'
const DELETE_LIST = '$deleteFromPrimitiveList'
const ORDER = '$setElementOrder'

/** The merged object. Throws StrategicMergeError. */
export function applyStrategicMerge(original: JsonObject, patch: JsonObject, definition: Definition): JsonObject {
  return mergeObject(original, patch, { kind: 'ref', goType: definition.goType, definition })
}

function fieldOf(type: Type | undefined, key: string): Field | undefined {
  return type?.kind === 'ref' ? type.definition.fields.get(key) : undefined
}

/** The type of a member, through structs and maps; undefined where the schema does not look. */
function memberType(type: Type | undefined, key: string): Type | undefined {
  return type?.kind === 'map' ? type.of : fieldOf(type, key)?.type
}

function mergeObject(original: JsonObject, patch: JsonObject, type: Type | undefined): JsonObject {
  const directive = patch[PATCH]
  if (directive !== undefined) return directed(directive, patch)
  const out = new Map<string, Json>(Object.entries(retained(original, patch)))
  const rest = new Map<string, Json>(Object.entries(patch))
  rest.delete(RETAIN)
  for (const [key, order] of Object.entries(patch)) if (key.startsWith(ORDER)) mergeOrdered(out, rest, key, order, type)
  for (const [name, value] of rest) {
    const deletes = name.startsWith(DELETE_LIST)
    mergeMember(out, deletes ? listName(name, 'primitive list') : name, value, { type, deletes })
  }
  return Object.fromEntries(out)
}

function directed(directive: Json, patch: JsonObject): JsonObject {
  if (directive === 'replace') return withoutDirective(patch)
  if (directive === 'delete') return {}
  throw new StrategicMergeError(500, `unknown patch type [${goText(directive)}] in map [${goText(patch)}]`)
}

function withoutDirective(patch: JsonObject): JsonObject {
  const { [PATCH]: _, ...rest } = patch
  return rest
}

/** The original without the keys that `$retainKeys` does not name; the patch may not set others either. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const retain = patch[RETAIN]
  if (retain === undefined) return original
  const wrong = () => new StrategicMergeError(400, 'invalid patch format of retainKeys')
  if (!Array.isArray(retain)) throw wrong()
  const keys = new Set<Json>(retain)
  for (const [key, value] of Object.entries(patch))
    if (key !== RETAIN && value !== null && !/^\$(deleteFromPrimitiveList|setElementOrder)/.test(key) && !keys.has(key))
      throw wrong()
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.has(key)))
}

/** `$setElementOrder/containers` -> `containers`. */
function listName(key: string, what: string): string {
  const at = key.indexOf('/')
  if (at < 0) throw new StrategicMergeError(400, `invalid patch format of ${what}`)
  return key.slice(at + 1)
}

function mergeMember(
  out: Map<string, Json>,
  key: string,
  value: Json,
  { type, deletes }: { type: Type | undefined; deletes: boolean },
): void {
  if (value === null) {
    out.delete(key)
    return
  }
  const current = out.get(key)
  const sameKind = current !== undefined && kindOf(current) === kindOf(value)
  if (!sameKind) {
    if (!deletes) out.set(key, cleaned(value))
  } else if (isJsonObject(current) && isJsonObject(value)) {
    const replaces = fieldOf(type, key)?.strategies.includes('replace')
    out.set(key, replaces ? value : mergeObject(current, value, memberType(type, key)))
  } else if (Array.isArray(current) && Array.isArray(value)) {
    out.set(key, mergeList(current, value, { field: fieldOf(type, key), deletes }))
  } else out.set(key, value)
}

function kindOf(value: Json): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
}

interface ListContext {
  readonly field: Field | undefined
  readonly deletes: boolean
}

function mergeList(
  original: readonly Json[],
  patch: readonly Json[],
  { field, deletes }: ListContext,
): readonly Json[] {
  if (!deletes && !field?.strategies.includes('merge')) return patch
  if (original.length === 0 && patch.length === 0) return original
  const kinds = new Set([...original, ...patch].map(kindOf))
  if (kinds.has('array')) throw new StrategicMergeError(422, 'lists of lists are not supported')
  if (kinds.size > 1) throw new StrategicMergeError(500, 'list element types are not identical')
  if (!kinds.has('object')) {
    if (deletes) return original.filter((item) => !patch.some((gone) => jsonEqual(item, gone)))
    return ordered([...new Set([...original, ...patch])], { first: patch, server: original, key: undefined })
  }
  const key = field?.mergeKey
  if (key === undefined)
    throw new StrategicMergeError(500, `cannot merge lists without merge key for ${field?.goType ?? 'list'}`)
  return mergeElements(original as readonly JsonObject[], patch as readonly JsonObject[], key, elementType(field))
}

function elementType(field: Field | undefined): Type | undefined {
  return field?.type.kind === 'array' ? field.type.of : undefined
}

function mergeElements(
  original: readonly JsonObject[],
  patch: readonly JsonObject[],
  key: string,
  type: Type | undefined,
): readonly Json[] {
  const plain = patch.filter((element) => element[PATCH] === undefined)
  let base = [...original]
  for (const element of patch) {
    const directive = element[PATCH]
    if (directive === undefined) continue
    if (directive === 'replace') return plain.map(cleaned)
    if (directive === 'merge') throw new StrategicMergeError(500, 'merging lists cannot yet be specified in the patch')
    if (directive !== 'delete')
      throw new StrategicMergeError(500, `unknown patch type [${goText(directive)}] in map [${goText(element)}]`)
    const gone = mergeValue(element, key)
    base = base.filter((item) => !jsonEqual(item[key] ?? null, gone))
  }
  for (const element of plain) {
    const value = mergeValue(element, key)
    const at = base.findIndex((item) => item[key] !== undefined && jsonEqual(item[key] as Json, value))
    if (at < 0) base.push(cleaned(element) as JsonObject)
    else base[at] = mergeObject(base[at] as JsonObject, element, type)
  }
  return ordered(base, { first: plain, server: original, key })
}

function mergeValue(element: JsonObject, key: string): Json {
  const value = element[key]
  if (value === undefined)
    throw new StrategicMergeError(500, `map: ${goText(element)} does not contain declared merge key: ${key}`)
  return value
}

/** A list with its `$setElementOrder`: merges it and takes it out of what is left of the patch. */
function mergeOrdered(
  out: Map<string, Json>,
  rest: Map<string, Json>,
  directive: string,
  ...more: [Json, Type | undefined]
): void {
  const [order, type] = more
  rest.delete(directive)
  const name = listName(directive, 'setElementOrder list')
  const field = fieldOf(type, name)
  const original = list(out.get(name))
  const patch = list(rest.get(name))
  const wanted = list(order) ?? []
  if (patch) checkOrder(patch, wanted, field?.mergeKey)
  rest.delete(name)
  if (original === undefined && patch === undefined) return
  const merged =
    patch === undefined
      ? (original ?? [])
      : original === undefined
        ? (cleaned(patch) as readonly Json[])
        : mergeList(original, patch, { field, deletes: false })
  out.set(name, ordered(merged, { first: wanted, server: original ?? [], key: field?.mergeKey }))
}

function list(value: Json | undefined): readonly Json[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value))
    throw new StrategicMergeError(500, `expected a []interface {}, but received a ${goKind(value)}`)
  return value
}

function goKind(value: Json): string {
  return isJsonObject(value) ? 'map[string]interface {}' : typeof value
}

/** The elements of a patch must stand in the order that its order list gives. */
function checkOrder(patch: readonly Json[], order: readonly Json[], key: string | undefined): void {
  const same = (a: Json, b: Json | undefined) =>
    key !== undefined && isJsonObject(a) && isJsonObject(b)
      ? jsonEqual(mergeValue(a, key), mergeValue(b, key))
      : b !== undefined && jsonEqual(a, b)
  const elements = patch.filter((element) => !isJsonObject(element) || element[PATCH] === undefined)
  let at = 0
  for (const element of order) if (at < elements.length && same(elements[at] as Json, element)) at++
  if (at < elements.length)
    throw new StrategicMergeError(
      500,
      `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
    )
}

/** A value of a patch that becomes part of the object: nulls and directives in it have nothing to act on. */
function cleaned(value: Json): Json {
  if (Array.isArray(value)) {
    const kept = value.filter((item) => !isJsonObject(item) || item[PATCH] === undefined)
    return kept.map((item) => (isJsonObject(item) ? cleaned(item) : item))
  }
  if (!isJsonObject(value)) return value
  if (value[PATCH] === 'delete') return {}
  const out: [string, Json][] = []
  for (const [key, item] of Object.entries(value)) {
    const directive = key === PATCH || key === RETAIN || key.startsWith(DELETE_LIST) || key.startsWith(ORDER)
    if (item !== null && !directive) out.push([key, cleaned(item)])
  }
  return Object.fromEntries(out)
}
