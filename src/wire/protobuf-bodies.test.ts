/**
 * Every body that a typed client may send in protobuf, with every field set, is read as the same body in JSON. The writer
 * here takes the field numbers from the same table as the reader (they are Kubernetes' own, by tools/generate-protobuf.mjs): what
 * it shows is that no field lacks a number and that every type is read back.
 */
import { describe, expect, it } from 'vitest'
import { type Definition, definition, type Type } from '../api/schema.ts'
import { numbers } from '../api/types/protobuf.gen.ts'
import { RESOURCES } from '../resources/index.ts'
import { conform } from './conform.ts'
import { decodeObject } from './decode.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

type Loose = Record<string, unknown>

/** A value of the type with all that it may have; `open` are the definitions around it, which may mention themselves. */
function sample(type: Type, open: readonly Definition[]): unknown {
  switch (type.kind) {
    case 'boolean':
      return true
    case 'int32':
      return -(2 ** 31)
    case 'int64':
      return 2 ** 40
    case 'double':
      return 1.5
    case 'byte':
      return 'AQL/'
    case 'quantity':
      return '500m'
    case 'intOrString':
      return '25%'
    case 'time':
      return '2030-01-02T03:04:05Z'
    case 'microTime':
      return '2030-01-02T03:04:05.000006Z'
    case 'array':
      return [sample(type.of, open)]
    case 'map':
      return { key: sample(type.of, open) }
    case 'ref':
      return open.includes(type.definition) ? {} : full(type.definition, open)
    case 'string':
      return 'é'
    default:
      return { a: [1] }
  }
}

function full(of: Definition, open: readonly Definition[] = []): Loose {
  const [kind] = of.kinds
  const own = open.length === 0 && kind ? kind : undefined
  return Object.fromEntries(
    [...of.fields.values()]
      .filter(({ name }) => own || (name !== 'kind' && name !== 'apiVersion') || !isTypeMeta(of))
      .map(({ name, type }) => {
        if (own && name === 'kind') return [name, own.kind]
        if (own && name === 'apiVersion') return [name, own.group ? `${own.group}/${own.version}` : own.version]
        return [name, sample(type, [...open, of])]
      }),
  )
}

/** Messages of their own in JSON (a DeleteOptions in an Eviction): kind and apiVersion are the envelope's in protobuf. */
const isTypeMeta = ({ kinds }: Definition) => kinds.length > 0

const shortName = ({ name }: Definition) => name.replace(/^io\.k8s\.(api|apimachinery\.pkg\.apis)\./, '')

function write(value: Loose, of: Definition, out = new ProtobufWriter(), message = shortName(of)): Uint8Array {
  for (const part of (numbers[message] ?? '').split(' ').filter(Boolean)) {
    const [name = '', number] = part.split('=')
    if (name.startsWith('>')) out.message(Number(number), (inner) => write(value, of, inner, name.slice(1)))
    const field = of.fields.get(name)
    if (field && value[name] !== undefined) writeField(out, Number(number), value[name], field.type)
  }
  return out.done()
}

function writeField(out: ProtobufWriter, number: number, value: unknown, type: Type): void {
  if (type.kind === 'array') for (const item of value as unknown[]) writeField(out, number, item, type.of)
  else if (type.kind === 'map')
    for (const [key, content] of Object.entries(value as Loose))
      out.message(number, (entry) => {
        entry.text(1, key)
        if (type.of.kind !== 'array') writeField(entry, 2, content, type.of)
        else entry.message(2, (list) => writeField(list, 1, content, type.of))
      })
  else writeScalar(out, number, value, type)
}

function writeScalar(out: ProtobufWriter, number: number, value: unknown, type: Type): void {
  switch (type.kind) {
    case 'boolean':
    case 'int32':
    case 'int64':
      out.integer(number, Number(value))
      return
    case 'double':
      out.double(number, value as number)
      return
    case 'byte':
      out.bytes(number, Buffer.from(value as string, 'base64'))
      return
    case 'quantity':
      out.message(number, (inner) => inner.text(1, value as string))
      return
    case 'intOrString':
      out.message(number, (inner) =>
        inner
          .integer(1, 1)
          .integer(2, 0)
          .text(3, value as string),
      )
      return
    case 'time':
    case 'microTime': {
      const ms = Date.parse(value as string)
      const nanos = type.kind === 'time' ? 0 : 6_000
      out.message(number, (inner) => inner.integer(1, Math.floor(ms / 1000)).integer(2, nanos))
      return
    }
    case 'ref':
      out.bytes(number, write(value as Loose, type.definition))
      return
    case 'string':
      out.text(number, value as string)
      return
    default:
      out.message(number, (inner) => inner.text(1, JSON.stringify(value)))
  }
}

function envelope(of: Definition, value: Loose): Uint8Array {
  const out = new ProtobufWriter()
  out.message(1, (meta) => meta.text(1, value.apiVersion as string).text(2, value.kind as string))
  out.bytes(2, write(value, of)).text(3, '').text(4, '')
  return Buffer.concat([Buffer.from('k8s\0'), out.done()])
}

const BODIES = [
  // What extends the API is refused, in whatever form it comes; typed clients send these two groups in JSON.
  ...new Set(
    RESOURCES.map(({ definition }) => definition).filter((name) => !/apiextensions|kube-aggregator/.test(name)),
  ),
  'io.k8s.api.autoscaling.v1.Scale',
  'io.k8s.api.core.v1.Binding',
  'io.k8s.api.policy.v1.Eviction',
  'io.k8s.api.authentication.v1.TokenRequest',
  'io.k8s.api.authentication.v1.TokenReview',
  'io.k8s.api.authorization.v1.SubjectAccessReview',
  'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
]

describe('bodies of typed clients', () => {
  it.each(BODIES)('%s has the same fields in protobuf as in JSON', async (name) => {
    const of = definition(name)
    const value = full(of)
    const { object, warnings } = await decodeObject({
      body: { bytes: envelope(of, value) },
      contentType: 'application/vnd.kubernetes.protobuf',
      definition: name,
      fieldValidation: 'Strict',
    })
    expect(warnings).toEqual([])
    expect(object).toEqual(conform(value, of).object)
  })
})
