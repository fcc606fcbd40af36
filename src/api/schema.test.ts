import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Definition, definition, definitionNames, type Field, findDefinition, type Type } from './schema.ts'

const shared = process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../shared')
const reference = join(shared, 'kubernetes-1.36')
const read = (file: string) => JSON.parse(gunzipSync(readFileSync(join(reference, file))).toString())

interface Published {
  type?: string
  format?: string
  $ref?: string
  allOf?: { $ref: string }[]
  items?: Published
  additionalProperties?: Published
  default?: unknown
  enum?: string[]
  [extension: `x-kubernetes-${string}`]: unknown
}
interface PublishedDefinition extends Published {
  required?: string[]
  properties?: Record<string, Published>
}

const NAMED: Record<string, string> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'raw',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'raw',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'rawExtension',
}

function publishedType(p: Published): string {
  const ref = (p.$ref ?? p.allOf?.[0]?.$ref)?.split('/').at(-1)
  if (ref) return NAMED[ref] ?? (findDefinition(ref) ? ref : 'any')
  if (p.items) return `[${publishedType(p.items)}`
  if (p.additionalProperties) return `{${publishedType(p.additionalProperties)}`
  if (p.type === 'string') return p.format === 'byte' ? 'byte' : 'string'
  if (p.type === 'boolean') return 'boolean'
  return p.type === 'integer' || p.type === 'number' ? (p.format ?? 'int64') : 'any'
}

function ownType(type: Type): string {
  if (type.kind === 'array') return `[${ownType(type.of)}`
  if (type.kind === 'map') return `{${ownType(type.of)}`
  return type.kind === 'ref' ? type.definition.name : type.kind
}

function fieldMismatches(where: string, field: Field, p: Published, p3: Published | undefined): string[] {
  const out: string[] = []
  const compare = (what: string, own: unknown, published: unknown) => {
    if (JSON.stringify(own) !== JSON.stringify(published))
      out.push(`${where}: ${what} ${JSON.stringify(own)}, published ${JSON.stringify(published)}`)
  }
  compare('type', ownType(field.type), publishedType(p))
  compare('merge key', field.mergeKey, p['x-kubernetes-patch-merge-key'])
  compare('strategy', field.strategies.join(',') || undefined, p['x-kubernetes-patch-strategy'])
  compare('list type', field.listType, p['x-kubernetes-list-type'])
  compare('list keys', field.listKeys, p['x-kubernetes-list-map-keys'])
  compare('map type', field.mapType, p['x-kubernetes-map-type'])
  if (p3) {
    compare('enum', field.enum, p3.enum)
    compare('default', field.default, p3.default)
  }
  return out
}

function mismatches(own: Definition, v2: PublishedDefinition, v3: PublishedDefinition | undefined): string[] {
  const out: string[] = []
  const names = new Set([...own.fields.keys(), ...Object.keys(v2.properties ?? {})])
  for (const name of names) {
    const field = own.fields.get(name)
    const published = v2.properties?.[name]
    if (!field || !published) out.push(`${own.name}.${name}: only ${field ? 'here' : 'published'}`)
    else {
      out.push(...fieldMismatches(`${own.name}.${name}`, field, published, v3?.properties?.[name]))
      if (field.required !== (v2.required?.includes(name) ?? false)) out.push(`${own.name}.${name}: required`)
    }
  }
  return out
}

describe('the schema table', () => {
  const absent = !existsSync(reference)
  it.skipIf(absent)(`agrees with the published OpenAPI documents${absent ? ' (no reference data here)' : ''}`, () => {
    const v2 = read('swagger.json.gz').definitions as Record<string, PublishedDefinition>
    const v3: Record<string, PublishedDefinition> = {}
    for (const file of readdirSync(join(reference, 'openapi-v3')).filter((f) => f.startsWith('api')))
      Object.assign(v3, read(join('openapi-v3', file)).components?.schemas)
    const names = definitionNames()
    const out = names.flatMap((name) => mismatches(definition(name), v2[name] ?? {}, v3[name]))
    expect(out).toEqual([])
    expect(names.length).toBeGreaterThan(500)
  })

  it('knows which fields are always written', () => {
    const container = definition('io.k8s.api.core.v1.Container')
    expect(container.fields.get('resources')?.zero).toBe('object')
    expect(container.fields.get('name')?.zero).toBe('')
    expect(container.fields.get('image')?.zero).toBeUndefined()
    expect(definition('io.k8s.api.core.v1.PodSpec').fields.get('containers')?.zero).toBe(null)
  })

  it('has no definition under a wrong name', () => {
    expect(findDefinition('io.k8s.api.apps.v1.Pod')).toBeUndefined()
    expect(findDefinition('com.example.core.v1.Pod')).toBeUndefined()
  })
})
