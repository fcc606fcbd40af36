/**
 * JSON patch (RFC 6902) with the liberties that Kubernetes' library takes: `replace` of a missing key adds it, the text
 * before the first slash of a path is ignored, negative indexes count from the end. A document is never left half
 * patched: all operations work on new values.
 */
import { jsonEqual } from '../json-equal.ts'
import { isJsonObject, type Json, type JsonObject, sorted } from './json-value.ts'

export interface Operation {
  readonly op?: unknown
  readonly path?: unknown
  readonly from?: unknown
  readonly value?: Json
}

/** An operation that cannot be carried out. Kubernetes does not tell its clients more than that. */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError'
}

/** The patched document. Throws JsonPatchError. */
export function applyJsonPatch(document: Json, operations: readonly Operation[]): Json {
  return operations.reduce(applyOperation, document)
}

function applyOperation(document: Json, operation: Operation): Json {
  const path = text(operation.path)
  switch (operation.op) {
    case 'add':
      return put(document, path, givenValue(operation), 'add')
    case 'replace':
      return put(document, path, givenValue(operation), 'replace')
    case 'remove':
      return remove(document, path)
    case 'move': {
      const from = text(operation.from)
      const moved = get(document, from)
      if (moved === undefined) throw new JsonPatchError(`nothing at ${from}`)
      return put(remove(document, from), path, moved, 'add')
    }
    case 'copy':
      return put(document, path, get(document, text(operation.from)) ?? null, 'add')
    case 'test':
      if (!jsonEqual(get(document, path) ?? null, operation.value ?? null))
        throw new JsonPatchError(`test of ${path} failed`)
      return document
    default:
      throw new JsonPatchError(`unknown operation ${String(operation.op)}`)
  }
}

function text(path: unknown): string {
  if (typeof path !== 'string') throw new JsonPatchError('an operation lacks its path')
  return path
}

function givenValue(operation: Operation): Json {
  if (operation.value === undefined) throw new JsonPatchError('an operation lacks its value')
  return operation.value
}

/** `/a/b~1c` -> ['a', 'b/c']; '' is the whole document. */
function steps(path: string): string[] {
  if (path === '') return []
  const parts = path.split('/').slice(1)
  if (parts.length === 0) throw new JsonPatchError(`no slash in ${path}`)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The value at a path, undefined for a missing key. Throws when the way to it is missing. */
function get(document: Json, path: string): Json | undefined {
  let value: Json | undefined = document
  for (const step of steps(path)) {
    if (Array.isArray(value)) value = value[index(value, step, value.length - 1)] as Json
    else if (isJsonObject(value)) value = Object.hasOwn(value, step) ? value[step] : undefined
    else throw new JsonPatchError(`no way to ${path}`)
  }
  return value
}

function index(array: readonly Json[], step: string, max: number): number {
  const number = /^[-+]?\d+$/.test(step) ? Number(step) : Number.NaN
  const at = number < 0 ? number + array.length : number
  if (!(at >= 0 && at <= max)) throw new JsonPatchError(`no index ${step}`)
  return at
}

type Change = (container: Json, key: string) => Json

/** Makes the containers on the way to the last step anew; `change` makes the last one. */
function along(document: Json, way: readonly string[], change: Change): Json {
  const [step, ...rest] = way
  if (step === undefined) throw new JsonPatchError('no path')
  if (rest.length === 0) return change(document, step)
  if (Array.isArray(document)) {
    const at = index(document, step, document.length - 1)
    return document.with(at, along(document[at] as Json, rest, change))
  }
  if (!isJsonObject(document) || !Object.hasOwn(document, step)) throw new JsonPatchError(`nothing at ${step}`)
  return withKey(document, step, along(document[step] as Json, rest, change))
}

function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  return sorted([...Object.entries(object).filter(([k]) => k !== key), [key, value]])
}

function put(document: Json, path: string, value: Json, how: 'add' | 'replace'): Json {
  const way = steps(path)
  if (way.length === 0) return value
  return along(document, way, (container, key) => {
    if (isJsonObject(container)) return withKey(container, key, value)
    if (!Array.isArray(container)) throw new JsonPatchError(`nothing at ${path}`)
    if (how === 'replace') return container.with(index(container, key, container.length - 1), value)
    return container.toSpliced(key === '-' ? container.length : insertion(container, key), 0, value)
  })
}

/** Where `add` puts a value: up to one behind the last; -1 is there too. */
function insertion(array: readonly Json[], key: string): number {
  return key.startsWith('-') ? index(array, key, array.length - 1) + 1 : index(array, key, array.length)
}

function remove(document: Json, path: string): Json {
  return along(document, steps(path), (container, key) => {
    if (Array.isArray(container)) return container.toSpliced(index(container, key, container.length - 1), 1)
    if (!isJsonObject(container) || !Object.hasOwn(container, key)) throw new JsonPatchError(`nothing at ${path}`)
    return sorted(Object.entries(container).filter(([k]) => k !== key))
  })
}
