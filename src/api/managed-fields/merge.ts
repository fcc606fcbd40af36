/** Merging what is applied into what is there, and taking fields out again. Source: KEP-555, structured merge. */
import { own } from '../../base/own.ts'
import type { Definition } from '../schema.ts'
import { children, type FieldSet, isMember } from './field-set.ts'
import { keyElement, type Shape, shapeOf, shapeOfField, valueElement } from './shape.ts'

type Entries = Readonly<Record<string, unknown>>
const NONE: Entries = Object.freeze({})

const asEntries = (value: unknown): Entries =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entries) : NONE
const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function memberShape(shape: Shape, key: string): Shape {
  if (shape.kind === 'map') return shapeOf(shape.of)
  const field = shape.kind === 'struct' ? shape.definition.fields.get(key) : undefined
  return field ? shapeOfField(field) : { kind: 'leaf' }
}

/** A new object: what `config` sets wins, all else is the live object's. */
export function mergeObjects(live: object, config: object, definition: Definition): Record<string, unknown> {
  return merged(live, config, { kind: 'struct', definition }) as Record<string, unknown>
}

function merged(live: unknown, config: unknown, shape: Shape): unknown {
  if (config === undefined) return live
  if (live === undefined || shape.kind === 'leaf') return config
  if (shape.kind === 'struct' || shape.kind === 'map') {
    const left = asEntries(live)
    const right = asEntries(config)
    const out: Record<string, unknown> = { ...left }
    for (const key of Object.keys(right)) out[key] = merged(own(left, key), right[key], memberShape(shape, key))
    return out
  }
  return mergedList(asList(live), asList(config), shape)
}

function elementOf(shape: Shape & { kind: 'set' | 'keyed' }): (item: unknown) => string {
  return shape.kind === 'set' ? valueElement : (item) => keyElement(item, shape.keys, shape.of)
}

/** Elements of both in an order that keeps the applied one and puts what is only live where it stood. */
function mergedList(
  live: readonly unknown[],
  config: readonly unknown[],
  shape: Shape & { kind: 'set' | 'keyed' },
): unknown[] {
  const element = elementOf(shape)
  const left = live.map(element)
  const right = config.map(element)
  const wanted = new Set(right)
  // The first of several that have one name.
  const present = new Map(left.map((name, i): [string, number] => [name, i]).reverse())
  const shared = right.filter((name) => present.has(name))
  let nextShared = 0
  const done = new Set<string>()
  const out: unknown[] = []
  const take = (j: number) => {
    const name = right[j] as string
    done.add(name)
    const at = present.get(name)
    const inner: Shape = shape.kind === 'keyed' ? shapeOf(shape.of) : { kind: 'leaf' }
    out.push(merged(at === undefined ? undefined : live[at], config[j], inner))
  }
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    const name = left[i] as string
    while (nextShared < shared.length && done.has(shared[nextShared] as string)) nextShared++
    const next = shared[nextShared]
    if (i < left.length && j < right.length && name === right[j]) {
      take(j++)
      i++
    } else if (i < left.length && j < right.length && wanted.has(name) && next !== undefined && next !== name) i++
    else if (i < left.length && !wanted.has(name)) out.push(live[i++])
    else {
      if (i < left.length && done.has(name)) i++
      if (j < right.length) take(j++)
    }
  }
  return out
}

/** The object without the fields of the set; containers that lose everything become null. */
export function withoutFields(
  object: object,
  set: FieldSet | undefined,
  definition: Definition,
): Record<string, unknown> {
  if (!set) return object as Record<string, unknown>
  return (reduced(object, set, { kind: 'struct', definition }) ?? {}) as Record<string, unknown>
}

function reduced(value: unknown, set: FieldSet, shape: Shape): unknown {
  if (shape.kind === 'leaf' || value === null || value === undefined) return value
  const below = new Map(children(set))
  if (below.size === 0) return value
  if (shape.kind === 'struct' || shape.kind === 'map') {
    const out: Record<string, unknown> = {}
    for (const [key, inner] of Object.entries(asEntries(value))) {
      const gone = below.get(`f:${key}`)
      if (!gone) out[key] = inner
      else if (!isMember(gone)) out[key] = reduced(inner, gone, memberShape(shape, key))
    }
    return Object.keys(out).length > 0 ? out : null
  }
  const element = elementOf(shape)
  const inner: Shape = shape.kind === 'keyed' ? shapeOf(shape.of) : { kind: 'leaf' }
  const out = asList(value).flatMap((item) => {
    const gone = below.get(element(item))
    if (!gone) return [item]
    return isMember(gone) ? [] : [reduced(item, gone, inner)]
  })
  return out.length > 0 ? out : null
}
