/**
 * JSON patch (RFC 6902) with the liberties that Kubernetes' library takes: `replace` of a missing key adds it, the text
 * before the first slash of a path is ignored, negative indexes count from the end.
 *
 * The document that is given stays as it is. What operations touch is copied once, on the first touch, and changed in place from
 * then on: a patch costs its own length and that of what it touches, however many operations it has.
 */
import { atOnce, type Steps } from '../../base/steps.ts'
import { jsonEqual } from '../json-equal.ts'
import { isJsonObject, type Json, type JsonObject, setMember, sorted } from './json-value.ts'

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

/** What all `copy` operations of a patch may add to the document, in bytes of JSON: a copy into itself doubles it. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024

/** List elements that insertions and removals may shift, all together: about 30 ms. A list of a million at its front: 20 times. */
const SHIFTED_ELEMENTS_MAX = 20_000_000

/** Operations of one step, and what they may copy in it; each may also compare with a large part of the document. */
const STEP_OPERATIONS = 64
const STEP_COPIED_BYTES = 64 * 1024

/** The patched document. Throws JsonPatchError. */
export const applyJsonPatch = (document: Json, operations: readonly Operation[]): Json =>
  atOnce(jsonPatchSteps(document, operations))

export function* jsonPatchSteps(document: Json, operations: readonly Operation[]): Steps<Json> {
  const work = new WorkingCopy(document)
  for (let i = 0, stepBegan = 0; i < operations.length; i++) {
    if (i % STEP_OPERATIONS === STEP_OPERATIONS - 1 || work.copiedBytes - stepBegan > STEP_COPIED_BYTES) {
      stepBegan = work.copiedBytes
      yield
    }
    work.run(operations[i] as Operation)
  }
  return work.result()
}

type Container = Json[] | { [key: string]: Json }

const encoder = new TextEncoder()

class WorkingCopy {
  private root: Json
  /** Containers that this patch has made, its own to change. What is not among them holds none of them either. */
  private readonly own = new Set<unknown>()
  copiedBytes = 0
  private shiftedElements = 0

  constructor(document: Json) {
    this.root = document
  }

  /** With the keys of whatever was touched in order. */
  result(): Json {
    return this.settled(this.root)
  }

  run(operation: Operation): void {
    const path = text(operation.path)
    const { op } = operation
    if (op === 'add' || op === 'replace') this.put(path, givenValue(operation), op)
    else if (op === 'remove') this.remove(path)
    else if (op === 'move') this.move(text(operation.from), path)
    else if (op === 'copy') this.put(path, this.copyOf(this.get(text(operation.from)) ?? null), 'add')
    else if (op !== 'test') throw new JsonPatchError(`unknown operation ${String(op)}`)
    else if (!jsonEqual(this.get(path) ?? null, operation.value ?? null))
      throw new JsonPatchError(`test of ${path} failed`)
  }

  private move(from: string, path: string): void {
    const moved = this.get(from)
    if (moved === undefined) throw new JsonPatchError(`nothing at ${from}`)
    this.remove(from)
    this.put(path, moved, 'add')
  }

  /** The value at a path, undefined for a missing key. Throws when the way to it is missing. */
  private get(path: string): Json | undefined {
    let value: Json | undefined = this.root
    for (const step of steps(path)) {
      if (Array.isArray(value)) value = value[index(value, step, value.length - 1)] as Json
      else if (isJsonObject(value)) value = Object.hasOwn(value, step) ? value[step] : undefined
      else throw new JsonPatchError(`no way to ${path}`)
    }
    return value
  }

  private copyOf(value: Json): Json {
    const copy = this.settled(value)
    this.copiedBytes += encoder.encode(JSON.stringify(copy)).length
    if (this.copiedBytes > COPIED_BYTES_MAX) throw new JsonPatchError('the accumulated size of copies is too large')
    return copy
  }

  private put(path: string, value: Json, how: 'add' | 'replace'): void {
    const way = steps(path)
    const key = way.pop()
    if (key === undefined) {
      this.root = value
      return
    }
    const container = this.containerAt(way, path)
    if (!Array.isArray(container)) setMember(container, key, value)
    else if (how === 'replace') container[index(container, key, container.length - 1)] = value
    else this.splice(container, key === '-' ? container.length : insertion(container, key), 0, value)
  }

  private remove(path: string): void {
    const way = steps(path)
    const key = way.pop()
    if (key === undefined) throw new JsonPatchError('no path')
    const container = this.containerAt(way, path)
    if (Array.isArray(container)) this.splice(container, index(container, key, container.length - 1), 1)
    else if (Object.hasOwn(container, key)) delete container[key]
    else throw new JsonPatchError(`nothing at ${path}`)
  }

  private splice(list: Json[], at: number, removed: number, ...added: Json[]): void {
    this.shiftedElements += list.length - at
    if (this.shiftedElements > SHIFTED_ELEMENTS_MAX) throw new JsonPatchError('too many list elements are moved')
    list.splice(at, removed, ...added)
  }

  /** The container at the end of a way, free to be changed, as are all on the way to it. */
  private containerAt(way: readonly string[], path: string): Container {
    let container = this.owned(this.root, path)
    this.root = container
    for (const step of way) {
      let inner: Container
      if (Array.isArray(container)) {
        const at = index(container, step, container.length - 1)
        inner = this.owned(container[at], path)
        container[at] = inner
      } else {
        inner = this.owned(Object.hasOwn(container, step) ? container[step] : undefined, path)
        setMember(container, step, inner)
      }
      container = inner
    }
    return container
  }

  private owned(value: Json | undefined, path: string): Container {
    if (this.own.has(value)) return value as Container
    let copy: Container
    if (Array.isArray(value)) copy = [...value]
    else if (isJsonObject(value)) copy = { ...value }
    else throw new JsonPatchError(`nothing at ${path}`)
    this.own.add(copy)
    return copy
  }

  /** A value that this patch does not change any more: what it had made in it is made anew. */
  private settled(value: Json): Json {
    if (!this.own.has(value)) return value
    if (Array.isArray(value)) return value.map((item) => this.settled(item))
    return sorted(Object.entries(value as JsonObject).map(([key, member]) => [key, this.settled(member)]))
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

function index(array: readonly Json[], step: string, max: number): number {
  const number = /^[-+]?\d+$/.test(step) ? Number(step) : Number.NaN
  const at = number < 0 ? number + array.length : number
  if (!(at >= 0 && at <= max)) throw new JsonPatchError(`no index ${step}`)
  return at
}

/** Where `add` puts a value: up to one behind the last; -1 is there too. */
function insertion(array: readonly Json[], key: string): number {
  return key.startsWith('-') ? index(array, key, array.length - 1) + 1 : index(array, key, array.length)
}
