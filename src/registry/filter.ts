/** Label and field selectors as a filter of the watch cache. */

import { type FieldTerm, parseFieldSelector } from '../api/field-selector.ts'
import type { KubernetesObject } from '../api/object.ts'
import { everything, parseLabelSelector, type Selector, SelectorError } from '../api/selector.ts'
import { badRequest } from '../api/status.ts'
import { own } from '../base/own.ts'
import type { Filter } from '../watch-cache/watch-cache.ts'
import type { StoredResource } from './resource.ts'

type Read = (object: KubernetesObject) => string

/** undefined: everything. 400 for a selector that cannot be read, or a field that the kind does not offer. */
export function filterOf(resource: StoredResource, labelSelector: string, fieldSelector: string): Filter | undefined {
  if (labelSelector === '' && fieldSelector === '') return undefined
  const selector = labelSelector === '' ? everything : parsed(() => parseLabelSelector(labelSelector))
  const terms = fieldSelector === '' ? [] : parsed(() => parseFieldSelector(fieldSelector))
  const readers = terms.map((term) => reader(resource, term))
  if (selector.empty && terms.length === 0) return undefined
  const { exact } = selector
  return { matches: matcher(selector, terms, readers), ...(exact ? { label: exact } : {}) }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message)
    throw error
  }
}

function matcher(selector: Selector, terms: readonly FieldTerm[], readers: readonly Read[]): Filter['matches'] {
  if (terms.length === 0) return (object) => selector.matches(object.metadata.labels)
  return (object) => {
    if (!selector.empty && !selector.matches(object.metadata.labels)) return false
    return terms.every(({ operator, value }, i) => ((readers[i] as Read)(object) === value) === (operator === '='))
  }
}

function reader({ declaration }: StoredResource, { field }: FieldTerm): Read {
  if (field === 'metadata.name') return (object) => object.metadata.name ?? ''
  if (field === 'metadata.namespace' && declaration.namespaced) return (object) => object.metadata.namespace ?? ''
  const read = own(declaration.fields, field)
  if (read) return read
  if (declaration.fields) throw badRequest(`field label not supported: ${field}`)
  throw badRequest(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`)
}
