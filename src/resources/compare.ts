/** Equality of JSON data: what Kubernetes calls semantic equality, where an empty list or map equals an absent one. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isEmpty(a) && isEmpty(b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  }
  if (Array.isArray(b)) return false
  return sameMembers(a as Record<string, unknown>, b as Record<string, unknown>)
}

function sameMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key in a) if (!sameJson(a[key], b[key])) return false
  for (const key in b) if (!Object.hasOwn(a, key) && !isEmpty(b[key])) return false
  return true
}

/** Absent, or a list or map without members. An empty object is a map or a struct; either way nothing is said in it. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}

/** Items by their names; of several with one name the first. */
export function byName<T extends { readonly name: string }>(items: readonly T[] | undefined): ReadonlyMap<string, T> {
  const found = new Map<string, T>()
  for (const item of items ?? []) if (!found.has(item.name)) found.set(item.name, item)
  return found
}
