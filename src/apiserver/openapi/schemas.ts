/** Definitions as OpenAPI schemas, with their descriptions: of version 3, and of version 2 (Swagger). */
import {
  type Definition,
  definition,
  type Field,
  findDefinition,
  type GroupVersionKind,
  type Type,
} from '../../api/schema.ts'
import { descriptions } from '../../api/types/descriptions.gen.ts'
import { special } from '../../api/types/special.gen.ts'

export type Dialect = 'v3' | 'v2'
export type Schema = Record<string, unknown>
export type GroupVersion = Pick<GroupVersionKind, 'group' | 'version'>

const PREFIX: Readonly<Record<Dialect, string>> = { v3: '#/components/schemas/', v2: '#/definitions/' }

export const refTo = (name: string, dialect: Dialect): Schema => ({ $ref: PREFIX[dialect] + name })

const NAMED: Readonly<Partial<Record<Type['kind'], string>>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  microTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  raw: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  rawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
}

const SCALARS: Readonly<Partial<Record<Type['kind'], Schema>>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  byte: { type: 'string', format: 'byte' },
  any: {},
}

/** The name of the definition that a type or its elements refer to. */
function nameOf(type: Type, field: Field): string | undefined {
  if (type.kind === 'ref') return type.definition.name
  return type.kind === 'any' ? field.ref : NAMED[type.kind]
}

function typeSchema(type: Type, field: Field, dialect: Dialect): Schema {
  if (type.kind === 'array' || type.kind === 'map') {
    const values = field.itemEnum && dialect === 'v3' ? { enum: field.itemEnum } : {}
    const of = { ...typeSchema(type.of, field, dialect), ...values }
    return type.kind === 'array' ? { type: 'array', items: of } : { type: 'object', additionalProperties: of }
  }
  const name = nameOf(type, field)
  return name ? refTo(name, dialect) : { ...SCALARS[type.kind] }
}

function property(field: Field, description: string, dialect: Dialect): Schema {
  const schema = typeSchema(field.type, field, dialect)
  const told = description ? { description } : {}
  const extensions = {
    ...(field.listKeys ? { 'x-kubernetes-list-map-keys': field.listKeys } : {}),
    ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
    ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
    ...(field.mergeKey ? { 'x-kubernetes-patch-merge-key': field.mergeKey } : {}),
    ...(field.strategies.length ? { 'x-kubernetes-patch-strategy': field.strategies.join(',') } : {}),
  }
  if (dialect === 'v2') return { ...told, ...schema, ...extensions }
  const published = {
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.enum ? { enum: field.enum } : {}),
  }
  const alone = Object.keys(told).length + Object.keys(published).length + Object.keys(extensions).length === 0
  const type = '$ref' in schema && !alone ? { allOf: [schema] } : schema
  return { ...told, ...type, ...published, ...extensions }
}

/** One definition; undefined for a name that nothing is known about. */
function schemaOf(name: string, dialect: Dialect, version: GroupVersion): Schema | undefined {
  const found = findDefinition(name)
  if (!found) return specialSchema(name, dialect)
  const [description, texts] = describe(found)
  const fields = [...found.fields.values()]
  const properties = fields
    .map((field) => [field.name, property(field, texts[field.name] ?? '', dialect)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const required = fields.filter((field) => field.required).map((field) => field.name)
  return {
    ...(description ? { description } : {}),
    type: 'object',
    ...(required.length ? { required } : {}),
    ...(properties.length ? { properties: Object.fromEntries(properties) } : {}),
    ...(found.kinds.length ? { 'x-kubernetes-group-version-kind': kindsOf(found, version) } : {}),
    ...(found.mapType ? { 'x-kubernetes-map-type': found.mapType } : {}),
    ...(found.unions ? { 'x-kubernetes-unions': found.unions } : {}),
  }
}

/** DeleteOptions and WatchEvent of meta/v1 are said to be of the document's group too. */
function kindsOf({ name, kinds }: Definition, { group, version }: GroupVersion): readonly GroupVersionKind[] {
  const [kind] = kinds
  return kind && group && /\.meta\.v1\.(DeleteOptions|WatchEvent)$/.test(name)
    ? [...kinds, { ...kind, group, version }]
    : kinds
}

function describe({ name }: Definition): [string, Record<string, string>] {
  const text = descriptions[name.split('.').slice(-3).join('.')]
  return text === undefined ? ['', {}] : JSON.parse(text)
}

/** Swagger knows no `oneOf`: a quantity is a string there. */
function specialSchema(name: string, dialect: Dialect): Schema | undefined {
  const schema = special[name] as Schema | undefined
  if (!schema || dialect === 'v3' || !('oneOf' in schema)) return schema
  const { oneOf: _, ...rest } = schema
  return { ...rest, type: 'string' }
}

/** The named definitions and all that they mention, sorted by name, for a document of one group version (of the group '' for several). */
export function schemasFor(names: Iterable<string>, dialect: Dialect, version: GroupVersion): Record<string, Schema> {
  const out = new Map<string, Schema>()
  const todo = [...names]
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (out.has(name)) continue
    const schema = schemaOf(name, dialect, version)
    if (!schema) continue
    out.set(name, schema)
    const found = findDefinition(name)
    if (found) todo.push(...mentioned(found))
  }
  return Object.fromEntries([...out].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function mentioned(of: Definition): string[] {
  return [...of.fields.values()].flatMap((field) => {
    let type = field.type
    while (type.kind === 'array' || type.kind === 'map') type = type.of
    return nameOf(type, field) ?? []
  })
}

/** The list kind's definition of a kind, `io.k8s.api.core.v1.PodList`. */
export function listDefinition(name: string): string {
  return definition(`${name}List`).name
}
