/**
 * Bodies in Kubernetes' protobuf form, as typed Go clients send them (kubectl create, controller-runtime), turned into the JSON
 * form that everything else here speaks. Reading only: answers are JSON, which those clients accept.
 *
 *   6b 38 73 00            "k8s\0"
 *   Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw bytes of the message }
 *
 * Field numbers: api/types/protobuf.gen.ts; types: the schema table. Go writes every field that is no pointer, set or not: values
 * that mean "absent" there (dropsEmpty) are left out here.
 */
import type { Definition, Field, GroupVersionKind, Type } from '../api/schema.ts'
import { rfc3339, rfc3339Micro } from '../api/time.ts'
import { numbers } from '../api/types/protobuf.gen.ts'
import { MEMBERS_MAX, tooManyMembers } from './limits.ts'
import { LENGTH, ProtobufError, ProtobufReader as Reader } from './protobuf-reader.ts'

export { ProtobufError } from './protobuf-reader.ts'

const MAGIC = [0x6b, 0x38, 0x73, 0x00]
const decoder = new TextDecoder()

type Target = Record<string, unknown>

/**
 * The body as a value, kind and apiVersion first, as far as they are said. Of another kind than the expected one (`anyVersion`:
 * in any version of any group) that is all there is: the caller refuses it by that. Throws ProtobufError.
 */
export function decodeProtobuf(bytes: Uint8Array, expected: Definition, anyVersion = false): Target {
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  const { apiVersion, kind, raw } = envelope(new Reader(bytes.subarray(MAGIC.length)))
  const said = { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}) }
  const sameVersion = anyVersion || !apiVersion || expected.kinds.some((own) => versionOf(own) === apiVersion)
  if (!sameVersion || (kind && kind !== expected.short)) return said
  try {
    return { ...said, ...message(new Reader(raw), expected) }
  } catch (error) {
    throw inMessage(error, apiVersion || versionOf(expected.kinds[0]))
  }
}

const versionOf = (kind: GroupVersionKind | undefined) => [kind?.group, kind?.version].filter(Boolean).join('/')

function inMessage(error: unknown, apiVersion: string): unknown {
  // Nested so deeply that the walk ran out of stack: the body's fault, not ours.
  const known = error instanceof RangeError ? new ProtobufError('exceeded max depth') : error
  if (known instanceof ProtobufError) known.apiVersion = apiVersion
  return known
}

function envelope(reader: Reader): { apiVersion: string; kind: string; raw: Uint8Array } {
  const out = { apiVersion: '', kind: '', raw: new Uint8Array(0) as Uint8Array }
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.number === 1) {
      const meta = reader.nested()
      for (let inner = meta.tag(); inner !== undefined; inner = meta.tag()) {
        const text = decoder.decode(meta.bytes())
        if (inner.number === 1) out.apiVersion = text
        else if (inner.number === 2) out.kind = text
      }
    } else if (tag.number === 2) out.raw = reader.bytes()
    else reader.skip(tag.wire)
  }
  return out
}

interface Slot {
  readonly field?: Field
  /** Name of the definition whose fields stand in the outer object. */
  readonly embedded?: string
}

const slots = new Map<string, ReadonlyMap<number, Slot>>()

/** Field numbers of `name`, with the fields of `definition`: the same, or the one that `name` is embedded in. */
function slotsOf(name: string, definition: Definition): ReadonlyMap<number, Slot> {
  const key = `${name} ${definition.name}`
  let found = slots.get(key)
  if (!found) {
    const made = new Map<number, Slot>()
    for (const part of (numbers[name] ?? '').split(' ')) {
      const at = part.indexOf('=')
      const field = part.slice(0, at)
      const number = Number(part.slice(at + 1))
      if (field.startsWith('>')) made.set(number, { embedded: field.slice(1) })
      else {
        const known = definition.fields.get(field)
        if (known) made.set(number, { field: known })
      }
    }
    found = made
    slots.set(key, found)
  }
  return found
}

const shortName = (definition: Definition) =>
  definition.name.replace(/^io\.k8s\.api\./, '').replace(/^io\.k8s\.apimachinery\.pkg\.apis\./, '')

function message(reader: Reader, definition: Definition): Target {
  const out: Target = {}
  fill(out, { reader, definition, name: shortName(definition) })
  return out
}

interface Source {
  readonly reader: Reader
  readonly definition: Definition
  readonly name: string
}

function fill(out: Target, { reader, definition, name }: Source): void {
  const known = slotsOf(name, definition)
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    const slot = known.get(tag.number)
    if (slot?.embedded) fill(out, { reader: reader.nested(), definition, name: slot.embedded })
    else if (slot?.field) put(out, slot.field, { reader, wire: tag.wire })
    else reader.skip(tag.wire)
  }
}

function put(out: Target, field: Field, { reader, wire }: { reader: Reader; wire: number }): void {
  const { name, type } = field
  if (type.kind === 'array') {
    out[name] ??= []
    const list = out[name] as unknown[]
    if (wire === LENGTH && wireOf(type.of) !== LENGTH) {
      const packed = reader.nested()
      while (packed.more) {
        packed.counted()
        list.push(value(packed, type.of))
      }
    } else list.push(value(checked(reader, field, { expected: wireOf(type.of), wire }), type.of))
    if (list.length > MEMBERS_MAX) throw tooManyMembers()
    return
  }
  if (type.kind === 'map') {
    out[name] ??= {}
    const [key, content] = mapEntry(checked(reader, field, { expected: LENGTH, wire }).nested(), type.of)
    // Assignment would take the key `__proto__` for the prototype.
    Object.defineProperty(out[name], key, { value: content, enumerable: true, writable: true, configurable: true })
    return
  }
  const decoded = value(checked(reader, field, { expected: wireOf(type), wire }), type)
  if (decoded === undefined || (field.dropsEmpty && isEmpty(decoded))) return
  out[name] = decoded
}

/** How a value of this type is written when it is alone. */
function wireOf({ kind }: Type): number {
  if (kind === 'boolean' || kind === 'int32' || kind === 'int64') return 0
  return kind === 'double' ? 1 : LENGTH
}

function checked(reader: Reader, { name }: Field, { expected, wire }: { expected: number; wire: number }): Reader {
  if (wire === expected) return reader
  throw new ProtobufError(`proto: wrong wireType = ${wire} for field ${name.slice(0, 1).toUpperCase()}${name.slice(1)}`)
}

const isEmpty = (decoded: unknown): boolean => decoded === '' || decoded === 0 || decoded === false

/** A map's value that is a list travels in a message of its own, as field 1. */
function mapEntry(reader: Reader, of: Type): [string, unknown] {
  let key = ''
  let content: unknown = of.kind === 'array' ? [] : of.kind === 'ref' ? {} : ''
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.number === 1) key = decoder.decode(reader.bytes())
    else if (of.kind === 'array') {
      const list = reader.nested()
      const items: unknown[] = []
      while (list.tag()) items.push(value(list, of.of))
      content = items
    } else content = value(reader, of)
  }
  return [key, content]
}

function value(reader: Reader, type: Type): unknown {
  switch (type.kind) {
    case 'string':
      return decoder.decode(reader.bytes())
    case 'boolean':
      return reader.varint() !== 0n
    case 'int32':
    case 'int64':
      return reader.integer()
    case 'double':
      return reader.double()
    case 'byte':
      return base64(reader.bytes())
    case 'quantity':
      return firstText(reader.nested())
    case 'intOrString':
      return intOrString(reader.nested())
    case 'time':
    case 'microTime':
      return time(reader.nested(), type.kind === 'time' ? rfc3339 : rfc3339Micro)
    case 'raw':
    case 'rawExtension':
    case 'any':
      return rawJson(reader.nested())
    case 'ref':
      return message(reader.nested(), type.definition)
    default:
      throw new ProtobufError(`a ${type.kind} inside a list`)
  }
}

function firstText(reader: Reader): string {
  let text = ''
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) text = decoder.decode(reader.bytes())
  return text
}

function intOrString(reader: Reader): number | string {
  let isText = false
  let number = 0
  let text = ''
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.number === 3) text = decoder.decode(reader.bytes())
    else if (tag.number === 1) isText = reader.varint() !== 0n
    else number = reader.integer()
  }
  return isText ? text : number
}

/** Go's zero time is an empty message: absent. */
function time(reader: Reader, format: (ms: number) => string): string | undefined {
  let seconds: number | undefined
  let nanos = 0
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    const number = reader.integer()
    if (tag.number === 1) seconds = number
    else nanos = number
  }
  return seconds === undefined ? undefined : format(seconds * 1000 + nanos / 1e6)
}

function rawJson(reader: Reader): unknown {
  const text = firstText(reader)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ProtobufError('a raw extension that is no JSON')
  }
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return btoa(text)
}
