import { own } from '../base/own.ts'
import { type OrderedMap, orderedMap } from '../store/table.ts'
import type { Item } from './watch-cache.ts'

/** Label keys indexed for each resource; when more are asked for, the one not used for longest goes. */
const INDEXED_LABELS_MAX = 8
/** Below this many objects a scan is as quick as the index. */
const INDEX_WORTH_OBJECTS = 256

/** Objects by the value of those labels that lists ask for, made when first asked for and kept up to date from then on. */
export class LabelIndex {
  /** Label key -> value -> objects; the key used last comes last. */
  private readonly labels = new Map<string, Map<string, OrderedMap<Item>>>()

  /** The objects with this label, or undefined when scanning `items` is just as good. */
  find(label: { readonly key: string; readonly value: string }, items: OrderedMap<Item>): OrderedMap<Item> | undefined {
    if (items.size < INDEX_WORTH_OBJECTS) return undefined
    const values = this.labels.get(label.key) ?? build(label.key, items)
    this.labels.delete(label.key)
    this.labels.set(label.key, values)
    if (this.labels.size > INDEXED_LABELS_MAX) this.labels.delete(this.labels.keys().next().value as string)
    return values.get(label.value) ?? orderedMap()
  }

  update(key: string, before: Item | undefined, after: Item | undefined): void {
    for (const [label, values] of this.labels) {
      const old = own(before?.object.metadata.labels, label)
      const now = own(after?.object.metadata.labels, label)
      if (old !== undefined && old !== now) remove(values, old, key)
      if (now !== undefined) add(values, now, key, after as Item)
    }
  }
}

function build(label: string, items: OrderedMap<Item>): Map<string, OrderedMap<Item>> {
  const values = new Map<string, OrderedMap<Item>>()
  items.forEach((item, key) => {
    const value = own(item.object.metadata.labels, label)
    if (value !== undefined) add(values, value, key, item)
  })
  return values
}

function add(values: Map<string, OrderedMap<Item>>, value: string, key: string, item: Item): void {
  let items = values.get(value)
  if (!items) {
    items = orderedMap()
    values.set(value, items)
  }
  items.set(key, item)
}

function remove(values: Map<string, OrderedMap<Item>>, value: string, key: string): void {
  const items = values.get(value)
  items?.delete(key)
  if (items?.isEmpty) values.delete(value)
}
