/** Values of an apply seen through the schema: which fields they set, and whether the schema knows them. Source: KEP-555. */
import type { Definition, ScalarKind, Type } from '../schema.ts'
import { type FieldSet, LEAF, node } from './field-set.ts'
import { keyElement, type Shape, shapeOf, shapeOfField, valueElement } from './shape.ts'

type Entries = Readonly<Record<string, unknown>>

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value as Entries) : []
}

/** All fields that a value sets: leaves, elements of lists, entries of maps; structs only by what is in them. */
export function fieldSetOf(value: object, definition: Definition): FieldSet | undefined {
  return node(false, fieldsOf(value, { kind: 'struct', definition }))
}

function fieldsOf(value: unknown, shape: Shape): FieldSet {
  const out: Record<string, FieldSet> = {}
  const add = (element: string, inner: unknown, at: Shape, always: boolean) => {
    const bare = inner === null || at.kind === 'leaf'
    const made = bare ? LEAF : node(always || isEmptyMap(inner), fieldsOf(inner, at))
    if (made) out[element] = made
  }
  switch (shape.kind) {
    case 'leaf':
      break
    case 'struct':
      for (const [key, inner] of entriesOf(value)) {
        const field = shape.definition.fields.get(key)
        if (field) add(`f:${key}`, inner, shapeOfField(field), false)
      }
      break
    case 'map':
      for (const [key, inner] of entriesOf(value)) add(`f:${key}`, inner, shapeOf(shape.of), true)
      break
    case 'set':
      for (const item of asList(value)) out[valueElement(item)] = LEAF
      break
    default:
      for (const item of asList(value)) add(keyElement(item, shape.keys, shape.of), item, shapeOf(shape.of), true)
  }
  return out
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && !Array.isArray(value) && entriesOf(value).length === 0
}

/** `.spec.replicas: expected numeric (int or float), got string`, as structured merge diff says it. */
export function typeErrors(value: object, definition: Definition): readonly string[] {
  const errors: string[] = []
  checkStruct(value as Entries, definition, '', errors)
  return errors
}

function checkStruct(value: Entries, definition: Definition, path: string, errors: string[]): void {
  for (const [key, inner] of Object.entries(value)) {
    const field = definition.fields.get(key)
    const where = `${path}.${key}`
    if (!field) errors.push(`${where}: field not declared in schema`)
    else checkValue(inner, field.type, where, errors)
    const shape = field && shapeOfField(field)
    if (shape && (shape.kind === 'keyed' || shape.kind === 'set')) duplicateErrors(inner, shape, where, errors)
  }
}

const NUMBERS: ReadonlySet<Type['kind']> = new Set<ScalarKind>(['int32', 'int64', 'double'])
const STRINGS: ReadonlySet<Type['kind']> = new Set<ScalarKind>(['string', 'byte'])

function checkValue(value: unknown, type: Type, path: string, errors: string[]): void {
  if (value === null || value === undefined) return
  const wrong = mismatch(value, type)
  if (wrong) errors.push(`${path}: expected ${wrong}`)
  else if (type.kind === 'ref') checkStruct(value as Entries, type.definition, path, errors)
  else if (type.kind === 'map')
    for (const [key, inner] of entriesOf(value)) checkValue(inner, type.of, `${path}.${key}`, errors)
  else if (type.kind === 'array')
    for (const [i, item] of asList(value).entries()) checkValue(item, type.of, `${path}[${i}]`, errors)
}

function mismatch(value: unknown, type: Type): string | undefined {
  const list = Array.isArray(value)
  if (type.kind === 'ref' || type.kind === 'map')
    return typeof value !== 'object' || list ? `map, got ${goValue(value)}` : undefined
  if (type.kind === 'array') return list ? undefined : `list, got ${goValue(value)}`
  if (NUMBERS.has(type.kind))
    return typeof value === 'number' ? undefined : `numeric (int or float), got ${goType(value)}`
  if (STRINGS.has(type.kind)) return typeof value === 'string' ? undefined : `string, got ${goValue(value)}`
  return type.kind === 'boolean' && typeof value !== 'boolean' ? `boolean, got ${goValue(value)}` : undefined
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  return typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'int64' : 'string'
}

function goValue(value: unknown): string {
  return `&value.valueUnstructured{Value:${typeof value === 'object' ? goType(value) : JSON.stringify(value)}}`
}

type ListShape = Shape & { kind: 'keyed' | 'set' }

function duplicateErrors(value: unknown, shape: ListShape, path: string, errors: string[]): void {
  const element = (item: unknown) =>
    shape.kind === 'set' ? valueElement(item) : keyElement(item, shape.keys, shape.of)
  const seen = new Set<string>()
  for (const item of asList(value)) {
    const name = element(item)
    if (seen.has(name)) errors.push(`${path}: duplicate entries for key ${elementText(name)}`)
    seen.add(name)
  }
}

/** A path element as messages show it: `.name`, `[name="a"]`, `[="x"]`. */
export function elementText(element: string): string {
  const rest = element.slice(2)
  if (element.startsWith('f:')) return `.${rest}`
  if (element.startsWith('v:')) return `[=${rest}]`
  if (!element.startsWith('k:')) return `[${rest}]`
  const keys = Object.entries(JSON.parse(rest) as Entries)
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
}
