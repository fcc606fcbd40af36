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
import { own } from '../../base/own.ts'
import { jsonEqual, jsonKey } from '../json-equal.ts'
import type { Definition, Field, Type } from '../schema.ts'
import { ordered } from './element-order.ts'
import { goText, isJsonObject, type Json, type JsonObject, setMember } from './json-value.ts'

/** A merged object while it is made. */
type Draft = Record<string, Json>

type Code = 400 | 413 | 422 | 500

/** A patch that cannot be applied; `code` is the status that Kubernetes gives it. */
export class StrategicMergeError extends Error {
  override readonly name = 'StrategicMergeError'
  readonly code: Code
  constructor(code: Code, message: string) {
    super(message)
    this.code = code
  }
}

const PATCH = '$patch'
const RETAIN = '$retainKeys'
const DELETE_LIST = '$deleteFromPrimitiveList'
const ORDER = '$setElementOrder'

/**
 * Members and elements that a merge may look at, of the object and of the patch: about 0.2 s. What a patch touches is looked at once,
 * unless it names one element of a list again and again; then it is refused (413).
 */
const STEPS_MAX = 2_000_000

/** The merged object. Throws StrategicMergeError. */
export function applyStrategicMerge(original: JsonObject, patch: JsonObject, definition: Definition): JsonObject {
  return new Merge().object(original, patch, { kind: 'ref', goType: definition.goType, definition })
}

function fieldOf(type: Type | undefined, key: string): Field | undefined {
  return type?.kind === 'ref' ? type.definition.fields.get(key) : undefined
}

/** The type of a member, through structs and maps; undefined where the schema does not look. */
function memberType(type: Type | undefined, key: string): Type | undefined {
  return type?.kind === 'map' ? type.of : fieldOf(type, key)?.type
}

class Merge {
  private steps = 0

  private count(steps: number): void {
    this.steps += steps
    if (this.steps > STEPS_MAX) throw new StrategicMergeError(413, 'the patch merges the same elements too often')
  }

  object(original: JsonObject, patch: JsonObject, type: Type | undefined): JsonObject {
    const directive = patch[PATCH]
    if (directive !== undefined) return directed(directive, patch)
    const out: Draft = { ...retained(original, patch) }
    const keys = Object.keys(patch)
    this.count(sizeOf(out) + keys.length)
    const done = new Set([RETAIN])
    for (const key of keys) if (key.startsWith(ORDER)) this.ordered(out, patch, { directive: key, type, done })
    for (const name of keys) {
      if (done.has(name)) continue
      const deletes = name.startsWith(DELETE_LIST)
      this.member(out, deletes ? listName(name, 'primitive list') : name, patch[name] as Json, { type, deletes })
    }
    return out
  }

  private member(
    out: Draft,
    key: string,
    value: Json,
    { type, deletes }: { type: Type | undefined; deletes: boolean },
  ): void {
    if (value === null) {
      delete out[key]
      return
    }
    const current = own(out, key)
    const sameKind = current !== undefined && kindOf(current) === kindOf(value)
    if (!sameKind) {
      if (!deletes) setMember(out, key, cleaned(value))
    } else if (isJsonObject(current) && isJsonObject(value)) {
      const replaces = fieldOf(type, key)?.strategies.includes('replace')
      setMember(out, key, replaces ? value : this.object(current, value, memberType(type, key)))
    } else if (Array.isArray(current) && Array.isArray(value)) {
      setMember(out, key, this.list(current, value, { field: fieldOf(type, key), deletes }))
    } else setMember(out, key, value)
  }

  private list(original: readonly Json[], patch: readonly Json[], { field, deletes }: ListContext): readonly Json[] {
    if (!deletes && !field?.strategies.includes('merge')) return patch
    if (original.length === 0 && patch.length === 0) return original
    this.count(original.length + patch.length)
    const kinds = new Set([...original, ...patch].map(kindOf))
    if (kinds.has('array')) throw new StrategicMergeError(422, 'lists of lists are not supported')
    if (kinds.size > 1) throw new StrategicMergeError(500, 'list element types are not identical')
    if (!kinds.has('object')) {
      if (deletes) return without(original, new Set(patch.map(jsonKey)), (item) => item)
      return ordered([...new Set([...original, ...patch])], { first: patch, server: original, key: undefined })
    }
    const key = field?.mergeKey
    if (key === undefined)
      throw new StrategicMergeError(500, `cannot merge lists without merge key for ${field?.goType ?? 'list'}`)
    return this.elements(original as readonly JsonObject[], patch as readonly JsonObject[], key, elementType(field))
  }

  private elements(
    original: readonly JsonObject[],
    patch: readonly JsonObject[],
    key: string,
    type: Type | undefined,
  ): readonly Json[] {
    const plain = patch.filter((element) => element[PATCH] === undefined)
    const gone = new Set<string>()
    for (const element of patch) {
      const directive = element[PATCH]
      if (directive === undefined) continue
      if (directive === 'replace') return plain.map(cleaned)
      if (directive === 'merge')
        throw new StrategicMergeError(500, 'merging lists cannot yet be specified in the patch')
      if (directive !== 'delete')
        throw new StrategicMergeError(500, `unknown patch type [${goText(directive)}] in map [${goText(element)}]`)
      gone.add(jsonKey(mergeValue(element, key)))
    }
    const base = without(original, gone, (item) => item[key] ?? null)
    const places = new Map<string, number>()
    const note = (item: JsonObject, at: number) => {
      const place = item[key] === undefined ? undefined : jsonKey(item[key])
      if (place !== undefined && !places.has(place)) places.set(place, at)
    }
    for (const [at, item] of base.entries()) note(item, at)
    for (const element of plain) {
      const at = places.get(jsonKey(mergeValue(element, key)))
      if (at === undefined) {
        const added = cleaned(element) as JsonObject
        note(added, base.push(added) - 1)
      } else base[at] = this.object(base[at] as JsonObject, element, type)
    }
    return ordered(base, { first: plain, server: original, key })
  }

  /** A list with its `$setElementOrder`: merges it and notes that both are done. */
  private ordered(
    out: Draft,
    whole: JsonObject,
    { directive, type, done }: { directive: string; type: Type | undefined; done: Set<string> },
  ): void {
    done.add(directive)
    const name = listName(directive, 'setElementOrder list')
    const field = fieldOf(type, name)
    const original = list(own(out, name))
    const patch = done.has(name) ? undefined : list(own(whole, name))
    const wanted = list(own(whole, directive)) ?? []
    if (patch) checkOrder(patch, wanted, field?.mergeKey)
    done.add(name)
    if (original === undefined && patch === undefined) return
    this.count(wanted.length + (original?.length ?? 0))
    const merged =
      patch === undefined
        ? (original ?? [])
        : original === undefined
          ? (cleaned(patch) as readonly Json[])
          : this.list(original, patch, { field, deletes: false })
    setMember(out, name, ordered(merged, { first: wanted, server: original ?? [], key: field?.mergeKey }))
  }
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

function sizeOf(object: object): number {
  let size = 0
  for (const _ in object) size++
  return size
}

function kindOf(value: Json): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
}

interface ListContext {
  readonly field: Field | undefined
  readonly deletes: boolean
}

function elementType(field: Field | undefined): Type | undefined {
  return field?.type.kind === 'array' ? field.type.of : undefined
}

/** The items whose value, as `of` gives it, is not among those that go. */
function without<T extends Json>(items: readonly T[], gone: ReadonlySet<string>, of: (item: T) => Json): T[] {
  return gone.size === 0 ? [...items] : items.filter((item) => !gone.has(jsonKey(of(item))))
}

function mergeValue(element: JsonObject, key: string): Json {
  const value = element[key]
  if (value === undefined)
    throw new StrategicMergeError(500, `map: ${goText(element)} does not contain declared merge key: ${key}`)
  return value
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
