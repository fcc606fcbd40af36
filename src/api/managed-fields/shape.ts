/** How Kubernetes sees a value when it asks who owns what: as one thing, or as parts with owners of their own. */
import type { Definition, Field, Type } from '../schema.ts'

export type Shape =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly definition: Definition }
  | { readonly kind: 'map'; readonly of: Type }
  | { readonly kind: 'set' }
  | { readonly kind: 'keyed'; readonly keys: readonly string[]; readonly of: Type }

const LEAF: Shape = { kind: 'leaf' }
const SET: Shape = { kind: 'set' }

const ofFields = new WeakMap<Field, Shape>()

/** The shape of a field's value. */
export function shapeOfField(field: Field): Shape {
  let shape = ofFields.get(field)
  if (!shape) {
    shape = field.mapType === 'atomic' ? LEAF : field.type.kind === 'array' ? listShape(field) : shapeOf(field.type)
    ofFields.set(field, shape)
  }
  return shape
}

const ofTypes = new WeakMap<Type, Shape>()

/** The shape of a value that is no field: an element of a list or map. */
export function shapeOf(type: Type): Shape {
  let shape = ofTypes.get(type)
  if (!shape) {
    shape = makeShape(type)
    ofTypes.set(type, shape)
  }
  return shape
}

function makeShape(type: Type): Shape {
  if (type.kind === 'map') return { kind: 'map', of: type.of }
  if (type.kind !== 'ref') return LEAF
  return type.definition.mapType === 'atomic' ? LEAF : { kind: 'struct', definition: type.definition }
}

function listShape(field: Field): Shape {
  if (field.type.kind !== 'array') return LEAF
  const { of } = field.type
  if (field.listType === 'map') return { kind: 'keyed', keys: [...(field.listKeys ?? [])].sort(), of }
  if (field.listType === 'set') return SET
  if (field.listType !== undefined || !field.strategies.includes('merge')) return LEAF
  return field.mergeKey ? { kind: 'keyed', keys: [field.mergeKey], of } : SET
}

/** The path element of an element of a keyed list: `k:{"name":"c"}`, with defaults for keys that are not given. */
export function keyElement(item: unknown, keys: readonly string[], of: Type): string {
  const values = item as Readonly<Record<string, unknown>>
  let text = ''
  for (const key of keys) {
    const value = values?.[key] ?? (of.kind === 'ref' ? of.definition.fields.get(key)?.default : undefined)
    if (value !== undefined && value !== null) text += `${text ? ',' : ''}"${key}":${JSON.stringify(value)}`
  }
  return `k:{${text}}`
}

export const valueElement = (item: unknown) => `v:${JSON.stringify(item)}`
