/** Label selectors as objects hold them. */
import { labelSelector, mapSelector, type Selector } from '../api/selector.ts'
import type { LabelSelector } from '../api/types/meta-v1.gen.ts'

type Labels = Readonly<Record<string, string>> | undefined

/** Selectors of frozen objects, read once. */
const compiled = new WeakMap<object, Selector>()

function once<T extends object>(key: T, compile: (key: T) => Selector): Selector {
  let selector = compiled.get(key)
  if (!selector) {
    selector = compile(key)
    compiled.set(key, selector)
  }
  return selector
}

/** Whether labels satisfy a LabelSelector. None selects nothing and an empty one everything. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels): boolean {
  return selector !== undefined && once(selector, labelSelector).matches(labels)
}

/** Whether labels contain all pairs of a map selector (Service, ReplicationController). None or empty selects nothing. */
export function mapMatches(selector: Labels, labels: Labels): boolean {
  return selector !== undefined && once(selector, mapSelector).matches(labels)
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return !selector || once(selector, labelSelector).empty
}
