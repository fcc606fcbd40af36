/** What an object took and lost against another one, as sets of fields. Source: KEP-555, server-side apply. */
import { own } from '../../base/own.ts'
import { jsonEqual } from '../json-equal.ts'
import type { Definition } from '../schema.ts'
import { type FieldSet, LEAF, node } from './field-set.ts'
import { keyElement, type Shape, shapeOf, shapeOfField, valueElement } from './shape.ts'

export interface Comparison {
  /** Added or changed. */
  readonly taken: FieldSet | undefined
  readonly removed: FieldSet | undefined
}

const SAME: Comparison = { taken: undefined, removed: undefined }
const TAKEN: Comparison = { taken: LEAF, removed: undefined }
const REMOVED: Comparison = { taken: undefined, removed: LEAF }

/** Both are conformed objects of the definition. */
export function compare(old: object, now: object, definition: Definition): Comparison {
  return compareValues(old, now, { kind: 'struct', definition })
}

/** undefined means absent; null is a value. */
function compareValues(old: unknown, now: unknown, shape: Shape): Comparison {
  if (old === now) return SAME
  if (old === undefined && now !== undefined) return { taken: wholeOf(now, shape), removed: undefined }
  if (shape.kind === 'leaf' || (isVoid(old) && isVoid(now)) || old instanceof Duplicates || now instanceof Duplicates)
    return compareLeaves(old, now)
  const collector = new Collector()
  switch (shape.kind) {
    case 'struct':
      collector.struct(entriesOf(old), entriesOf(now), shape.definition)
      break
    case 'map':
      collector.map(entriesOf(old), entriesOf(now), shapeOf(shape.of))
      break
    case 'set':
      collector.elements(byElement(old, valueElement), byElement(now, valueElement), { kind: 'leaf' })
      break
    default: {
      const element = (item: unknown) => keyElement(item, shape.keys, shape.of)
      collector.elements(byElement(old, element), byElement(now, element), shapeOf(shape.of))
    }
  }
  return collector.finish(old === undefined, now === undefined)
}

/** All fields of a value that was not there before: what a create mostly consists of. */
function wholeOf(now: unknown, shape: Shape): FieldSet {
  if (shape.kind === 'leaf' || isVoid(now) || now instanceof Duplicates) return LEAF
  const out: Record<string, FieldSet> = { '.': LEAF }
  const entries = entriesOf(now)
  switch (shape.kind) {
    case 'struct':
      for (const key in entries) {
        const field = entries[key] === undefined ? undefined : shape.definition.fields.get(key)
        if (field) out[field.element] = wholeOf(entries[key], shapeOfField(field))
      }
      break
    case 'map':
      for (const key in entries)
        if (entries[key] !== undefined) out[`f:${key}`] = wholeOf(entries[key], shapeOf(shape.of))
      break
    case 'set':
      for (const element of byElement(now, valueElement).keys()) out[element] = LEAF
      break
    default:
      for (const [element, item] of byElement(now, (item) => keyElement(item, shape.keys, shape.of)))
        out[element] = wholeOf(item, shapeOf(shape.of))
  }
  return isOnlySelf(out) ? LEAF : out
}

/** Whether nothing has been added to the mark of the node itself. */
function isOnlySelf(set: FieldSet): boolean {
  for (const element in set) if (element !== '.') return false
  return true
}

function compareLeaves(old: unknown, now: unknown): Comparison {
  if (old === undefined) return TAKEN
  if (now === undefined) return REMOVED
  return jsonEqual(old, now) ? SAME : TAKEN
}

/** Absent, null, or a container with nothing in it. */
function isVoid(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value !== 'object') return false
  for (const _ in value) return false
  return true
}

type Entries = Readonly<Record<string, unknown>>
const NONE: Entries = Object.freeze({})

function entriesOf(value: unknown): Entries {
  return typeof value === 'object' && value !== null ? (value as Entries) : NONE
}

/** Elements of a list that share a key: nobody can own a part of one of them. */
class Duplicates {
  readonly items: unknown[]
  constructor(...items: unknown[]) {
    this.items = items
  }
}

function byElement(value: unknown, element: (item: unknown) => string): ReadonlyMap<string, unknown> {
  const out = new Map<string, unknown>()
  if (!Array.isArray(value)) return out
  for (const item of value) {
    const path = element(item)
    const other = out.get(path)
    if (other === undefined) out.set(path, item)
    else if (other instanceof Duplicates) other.items.push(item)
    else out.set(path, new Duplicates(other, item))
  }
  return out
}

class Collector {
  private taken: Record<string, FieldSet> | undefined
  private removed: Record<string, FieldSet> | undefined

  private add(element: string, { taken, removed }: Comparison): void {
    if (taken) {
      this.taken ??= {}
      this.taken[element] = taken
    }
    if (removed) {
      this.removed ??= {}
      this.removed[element] = removed
    }
  }

  struct(old: Entries, now: Entries, definition: Definition): void {
    for (const key in now) {
      if (old[key] === now[key]) continue
      const field = definition.fields.get(key)
      if (field) this.add(field.element, compareValues(old[key], now[key], shapeOfField(field)))
    }
    for (const key in old) {
      if (now[key] !== undefined || old[key] === undefined) continue
      const field = definition.fields.get(key)
      if (field) this.add(field.element, compareValues(old[key], undefined, shapeOfField(field)))
    }
  }

  map(old: Entries, now: Entries, shape: Shape): void {
    for (const key in now) this.add(`f:${key}`, compareValues(own(old, key), now[key], shape))
    for (const key in old) if (!Object.hasOwn(now, key)) this.add(`f:${key}`, compareValues(old[key], undefined, shape))
  }

  elements(old: ReadonlyMap<string, unknown>, now: ReadonlyMap<string, unknown>, shape: Shape): void {
    for (const [element, item] of now) this.add(element, compareValues(old.get(element), item, shape))
    for (const [element, item] of old) if (!now.has(element)) this.add(element, compareValues(item, undefined, shape))
  }

  finish(added: boolean, gone: boolean): Comparison {
    if (!this.taken && !this.removed && !added && !gone) return SAME
    return { taken: node(added, this.taken), removed: node(gone, this.removed) }
  }
}
