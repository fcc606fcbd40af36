/**
 * Brings a JSON value into the shape of a definition, the way it looks after Kubernetes has read it into a Go struct and
 * written it out again: unknown fields are gone, nulls and empty optional values too, what Go always writes is there
 * (`resources: {}`), fields stand in Kubernetes' order, quantities and times are canonical. The result is a new object,
 * free to be changed; the value itself is not touched (raw parts are shared).
 *
 *   conform({ metadata: { labels: {} }, data: { a: '1' }, foo: 1 }, configMap)
 *   // { object: { metadata: {}, data: { a: '1' } }, unknown: ['foo'], keys: 5 }
 */
import { setMember } from '../api/patch/json-value.ts'
import { canonicalQuantity } from '../api/quantity.ts'
import type { Definition, Type } from '../api/schema.ts'
import { hasAlways, inOrder, zeroObject } from '../api/zero.ts'
import { STRICT_ERRORS_MAX } from './go-json.ts'
import { canonicalMicroTime, canonicalTime } from './go-time.ts'
import { MEMBERS_MAX, NESTING_MAX, tooManyMembers, tooManyValues, VALUES_MAX } from './limits.ts'

/** A value of the wrong type, in Go's words; becomes 400 or 422, depending on where it came from. */
export class ConformError extends Error {
  override readonly name = 'ConformError'
}

export interface Conformed {
  readonly object: Record<string, unknown>
  /** Paths of unknown fields, `spec.containers[0].nope`, in the order of the value; as many as are ever told. */
  readonly unknown: readonly string[]
  /** How many keys all objects of the value have. */
  readonly keys: number
}

/** Whose words an error has: of Go's JSON decoder, or of Kubernetes' conversion of generic objects (strategic merge patch). */
export type Words = 'json' | 'generic'

/** Throws ConformError at the first value of the wrong type. */
export function conform(value: object, definition: Definition, words: Words = 'json'): Conformed {
  const walker = new Walker(words)
  try {
    const object = walker.struct(value as Record<string, unknown>, definition)
    // Its parts, and the names of those in its managedFields. Patches add to what is there.
    if (walker.keys > 2 * VALUES_MAX) throw tooManyValues()
    return { object, unknown: walker.unknown, keys: walker.keys }
  } catch (error) {
    // Nested so deeply that the walk ran out of stack: the body's fault, not ours.
    throw error instanceof RangeError ? new ConformError('exceeded max depth') : error
  }
}

/** An empty list of these means something: forget who manages what. */
const CLEARABLE = 'managedFields'

/** How deep values may nest that are kept as they are: whatever walks over stored objects later can rely on it. */
const RAW_NESTING_MAX = 1000

const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1

class MapKey {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
}

class Walker {
  readonly unknown: string[] = []
  keys = 0
  /** Where the walk is: names of fields, indexes of arrays, keys of maps. */
  private readonly path: (string | number | MapKey)[] = []
  /** The struct whose field is being read, for messages. */
  private owner: Definition | undefined
  private readonly words: Words

  constructor(words: Words) {
    this.words = words
  }

  struct(value: Record<string, unknown>, definition: Definition): Record<string, unknown> {
    const outer = this.owner
    this.owner = definition
    const read: Record<string, unknown> = {}
    let before = -1
    let ordered = true
    for (const key in value) {
      this.keys++
      const field = definition.fields.get(key)
      if (field === undefined) this.reportUnknown(key, value[key])
      else {
        this.path.push(key)
        const conformed = this.value(value[key], field.type, field.goType)
        this.path.pop()
        if (conformed === undefined || (field.dropsEmpty && isEmpty(conformed) && key !== CLEARABLE)) continue
        read[key] = conformed
        if (field.place < before) ordered = false
        before = field.place
      }
    }
    this.owner = outer
    // What comes back as it was stored, or from a typed client, is in order already.
    return ordered && hasAlways(read, definition) ? read : inOrder(read, definition)
  }

  /** undefined for null: as if it had not been given. */
  private value(value: unknown, type: Type, goType: string): unknown {
    if (value === null || value === undefined) return undefined
    switch (type.kind) {
      case 'string':
        return typeof value === 'string' ? value : this.wrong(value, goType)
      case 'boolean':
        return typeof value === 'boolean' ? value : this.wrong(value, goType)
      case 'ref':
        return isObject(value) ? this.struct(value, type.definition) : this.wrong(value, goType)
      case 'array':
        return Array.isArray(value) ? this.array(value, type.of, elementType(goType)) : this.wrong(value, goType)
      case 'map':
        return isObject(value) ? this.map(value, type.of, elementType(goType)) : this.wrong(value, goType)
      case 'raw':
      case 'rawExtension':
      case 'any':
        this.keys += keysIn(value, RAW_NESTING_MAX)
        return value
      default:
        return this.scalar(value, type.kind, goType)
    }
  }

  private scalar(value: unknown, kind: Type['kind'], goType: string): unknown {
    switch (kind) {
      case 'int32':
        return this.integer(value, goType, INT32_MIN, INT32_MAX)
      case 'int64':
        return this.integer(value, goType, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      case 'double':
        return typeof value === 'number' ? value : this.wrong(value, goType)
      case 'quantity':
        if (typeof value !== 'string' && typeof value !== 'number') return this.wrong(value, goType)
        return this.said(() => canonicalQuantity(value))
      case 'time':
        return this.said(() => canonicalTime(this.text(value)))
      case 'microTime':
        return this.said(() => canonicalMicroTime(this.text(value)))
      case 'byte':
        return typeof value === 'string' ? base64(value) : this.wrong(value, goType)
      default:
        return this.intOrString(value)
    }
  }

  private integer(value: unknown, goType: string, min: number, max: number): number {
    if (typeof value !== 'number') return this.wrong(value, goType)
    if (!Number.isInteger(value) || value < min || value > max) return this.wrong(value, goType, ` ${value}`)
    return value
  }

  private intOrString(value: unknown): number | string {
    if (typeof value === 'string') return value
    if (typeof value === 'number' && Number.isInteger(value) && value >= INT32_MIN && value <= INT32_MAX) return value
    const literal = typeof value === 'number' ? ` ${value}` : ''
    throw new ConformError(`json: cannot unmarshal ${kindOf(value)}${literal} into Go value of type int32`)
  }

  private text(value: unknown): string {
    if (typeof value === 'string') return value
    throw new ConformError(`json: cannot unmarshal ${kindOf(value)} into Go value of type string`)
  }

  /** Runs what throws sentences of its own about a value. */
  private said<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw error instanceof ConformError ? error : new ConformError((error as Error).message)
    }
  }

  private array(value: readonly unknown[], of: Type, goType: string): unknown[] {
    if (value.length > MEMBERS_MAX) throw tooManyMembers()
    const out: unknown[] = []
    for (let i = 0; i < value.length; i++) {
      this.path.push(i)
      const item = this.value(value[i], of, goType)
      out.push(item === undefined ? zeroOf(of) : item)
      this.path.pop()
    }
    return out
  }

  private map(value: Record<string, unknown>, of: Type, goType: string): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    let members = 0
    if (of.kind === 'string') {
      for (const key in value) {
        if (++members > MEMBERS_MAX) throw tooManyMembers()
        this.keys++
        const item = value[key]
        if (typeof item === 'string' && key !== '__proto__') out[key] = item
        else setMember(out, key, item === null ? '' : typeof item === 'string' ? item : this.wrong(item, goType))
      }
      return out
    }
    for (const key in value) {
      if (++members > MEMBERS_MAX) throw tooManyMembers()
      this.keys++
      this.path.push(new MapKey(key))
      const item = this.value(value[key], of, goType)
      setMember(out, key, item === undefined ? zeroOf(of) : item)
      this.path.pop()
    }
    return out
  }

  private reportUnknown(key: string, value: unknown): void {
    this.keys += keysIn(value)
    if (this.unknown.length >= STRICT_ERRORS_MAX) return
    let text = ''
    for (const part of [...this.path, key]) {
      if (typeof part === 'number') text += `[${part}]`
      else text += (text ? '.' : '') + (part instanceof MapKey ? part.key : part)
    }
    this.unknown.push(text)
  }

  private wrong(value: unknown, goType: string, literal = ''): never {
    if (this.words === 'generic') throw new ConformError(genericError(value, goType))
    const names = this.path.filter((part) => typeof part === 'string')
    throw new ConformError(
      `json: cannot unmarshal ${kindOf(value)}${literal} into Go struct field ${this.owner?.short}.${names.join('.')} of type ${goType}`,
    )
  }
}

/** How Kubernetes' converter of generic objects says it: `cannot restore slice from string`. */
function genericError(value: unknown, goType: string): string {
  const from = Array.isArray(value) ? 'slice' : isObject(value) ? 'map' : goKind(value)
  if (goType.startsWith('[]')) return `cannot restore slice from ${from}`
  if (goType.startsWith('map[')) return `cannot restore map from ${from}`
  if (/^v\d+\./.test(goType)) return `cannot restore struct from: ${from}`
  return `unrecognized type: ${goType}`
}

function goKind(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

/** What Go has for a null among the elements of an array or map. */
function zeroOf(type: Type): unknown {
  if (type.kind === 'ref') return zeroObject(type.definition)
  if (type.kind === 'string') return ''
  if (type.kind === 'boolean') return false
  if (type.kind === 'int32' || type.kind === 'int64' || type.kind === 'double') return 0
  return type.kind === 'quantity' ? '0' : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** `[]v1.Container` -> `v1.Container`, `map[string]string` -> `string`. */
function elementType(goType: string): string {
  if (goType.startsWith('[]')) return goType.slice(2)
  if (goType.startsWith('map[')) return goType.slice(goType.indexOf(']') + 1)
  return goType === 'v1.ResourceList' ? 'resource.Quantity' : goType
}

/** How many keys all objects in a value have. Throws ConformError when it nests deeper than `nestingMax`. */
export function keysIn(value: unknown, nestingMax = NESTING_MAX): number {
  let count = 0
  // One level of the value after the other: no stack to run out of.
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue
      if (depth >= nestingMax) throw new ConformError('exceeded max depth')
      if (Array.isArray(item)) for (const element of item) next.push(element)
      else
        for (const key in item) {
          count++
          next.push((item as Readonly<Record<string, unknown>>)[key])
        }
    }
    level = next
  }
  return count
}

const NOT_BASE64 = /[^A-Za-z0-9+/]/

/** Four characters for three bytes, `=` for what the last ones lack. */
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false
  const at = text.search(NOT_BASE64)
  return at < 0 || (text.length - at <= 2 && /^==?$/.test(text.slice(at)))
}

/** Base64 without line breaks; Go's decoder skips those. */
function base64(text: string): string {
  if (isBase64(text)) return text
  const joined = text.replaceAll('\r', '').replaceAll('\n', '')
  if (isBase64(joined)) return joined
  const bad = NOT_BASE64.exec(text)
  const at = bad && text[bad.index] !== '=' ? bad.index : Math.min(text.length, text.length - (text.length % 4 || 4))
  throw new ConformError(`illegal base64 data at input byte ${at}`)
}
