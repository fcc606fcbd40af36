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
import { type Definition, definitionOfKind, type Field, type Type } from '../api/schema.ts'
import { rfc3339, rfc3339Micro } from '../api/time.ts'
import { numbers } from '../api/types/protobuf.gen.ts'
import { inexact, isExact } from './integers.ts'
import { tooManyValues, VALUES_MAX } from './limits.ts'

const MAGIC = [0x6b, 0x38, 0x73, 0x00]
const decoder = new TextDecoder()

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

type Target = Record<string, unknown>

/** Throws ProtobufError for what is no such body, or is of a kind that nobody knows. */
export function decodeProtobuf(bytes: Uint8Array): Target {
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  const { apiVersion, kind, raw } = envelope(new Reader(bytes.subarray(MAGIC.length), { values: 0 }))
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  const definition = definitionOfKind({ group, version: apiVersion.slice(slash + 1), kind })
  if (!definition) throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`)
  return { kind, apiVersion, ...message(new Reader(raw, { values: 0 }), definition) }
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
    ;(out[name] as unknown[]).push(value(reader, type.of, wire))
    return
  }
  if (type.kind === 'map') {
    out[name] ??= {}
    const [key, content] = mapEntry(reader.nested(), type.of)
    ;(out[name] as Target)[key] = content
    return
  }
  const decoded = value(reader, type, wire)
  if (decoded === undefined || (field.dropsEmpty && isEmpty(decoded))) return
  out[name] = decoded
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
      for (let inner = list.tag(); inner !== undefined; inner = list.tag()) items.push(value(list, of.of, inner.wire))
      content = items
    } else content = value(reader, of, tag.wire)
  }
  return [key, content]
}

function value(reader: Reader, type: Type, wire: number): unknown {
  switch (type.kind) {
    case 'string':
      return decoder.decode(reader.bytes())
    case 'boolean':
      return reader.varint() !== 0n
    case 'int32':
    case 'int64':
      return wire === 2 ? `${reader.embeddedInteger()}` : reader.integer()
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

/** Protocol buffers' wire format: tags, varints, lengths. Reads past the end are errors. */
class Reader {
  private readonly data: Uint8Array
  /** How many fields were read, in all messages of the body. */
  private readonly count: { values: number }
  private at = 0

  constructor(data: Uint8Array, count: { values: number }) {
    this.data = data
    this.count = count
  }

  /** The message that is here. */
  nested(): Reader {
    return new Reader(this.bytes(), this.count)
  }

  /** undefined at the end. Throws ApiError 413. */
  tag(): { number: number; wire: number } | undefined {
    if (this.at >= this.data.length) return undefined
    if (++this.count.values > VALUES_MAX) throw tooManyValues()
    const tag = Number(this.varint())
    return { number: Math.floor(tag / 8), wire: tag % 8 }
  }

  varint(): bigint {
    let result = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.data[this.at++]
      if (byte === undefined) break
      result |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return result
    }
    throw new ProtobufError('unexpected end of a number')
  }

  /** A signed integer. Throws ApiError 400 for one that would be rounded. */
  integer(): number {
    const value = BigInt.asIntN(64, this.varint())
    if (!isExact(value)) throw inexact(String(value))
    return Number(value)
  }

  bytes(): Uint8Array {
    const length = Number(this.varint())
    const end = this.at + length
    if (end > this.data.length) throw new ProtobufError('unexpected EOF')
    const part = this.data.subarray(this.at, end)
    this.at = end
    return part
  }

  double(): number {
    if (this.at + 8 > this.data.length) throw new ProtobufError('unexpected EOF')
    const number = new DataView(this.data.buffer, this.data.byteOffset + this.at, 8).getFloat64(0, true)
    this.at += 8
    return number
  }

  /** A number wrapped in a message (metav1.Duration): its first field. */
  embeddedInteger(): bigint {
    const inner = this.nested()
    return inner.tag() ? BigInt.asIntN(64, inner.varint()) : 0n
  }

  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.at += 8
    else if (wire === 2) this.bytes()
    else if (wire === 5) this.at += 4
    else throw new ProtobufError(`wire type ${wire}`)
  }
}
