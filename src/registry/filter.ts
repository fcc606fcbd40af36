/** Label and field selectors as a filter of the watch cache. */
import type { KubernetesObject } from '../api/object.ts'
import { badRequest } from '../api/status.ts'
import type { Filter } from '../watch-cache/watch-cache.ts'
import type { StoredResource } from './resource.ts'

/** undefined: everything. 400 for a selector that cannot be read, or a field that the kind does not offer. */
export function filterOf(resource: StoredResource, labelSelector: string, fieldSelector: string): Filter | undefined {
  const labels = pairs(labelSelector)
  const fields = pairs(fieldSelector).map(([name, value]) => [fieldOf(resource, name), value] as const)
  if (labels.length === 0 && fields.length === 0) return undefined
  const [first] = labels
  return {
    matches: (object) =>
      labels.every(([key, value]) => object.metadata.labels?.[key] === value) &&
      fields.every(([read, value]) => read(object) === value),
    ...(first ? { label: { key: first[0], value: first[1] } } : {}),
  }
}

function pairs(selector: string): [string, string][] {
  return selector
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const [key = '', value = ''] = part.split(/==?/)
      return [key.trim(), value.trim()]
    })
}

function fieldOf(resource: StoredResource, name: string): (object: KubernetesObject) => string {
  if (name === 'metadata.name') return (object) => object.metadata.name ?? ''
  if (name === 'metadata.namespace') return (object) => object.metadata.namespace ?? ''
  const read = resource.declaration.fields?.[name]
  if (!read) throw badRequest(`field label not supported: ${name}`)
  return read
}
