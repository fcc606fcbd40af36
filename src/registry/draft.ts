import type { Draft, KubernetesObject } from '../api/object.ts'

/** A deep copy of JSON data, free to be changed. `undefined` members are left out. */
export function draftOf<T>(value: T): Draft<T> {
  return copy(value) as Draft<T>
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const out: unknown[] = new Array(value.length)
    for (let i = 0; i < value.length; i++) out[i] = copy(value[i])
    return out
  }
  const out: Record<string, unknown> = {}
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) out[key] = typeof member === 'object' ? copy(member) : member
  }
  return out
}

/** A draft whose metadata may be changed and nothing else: the rest is shared with the frozen object. */
export function metadataDraft(object: KubernetesObject): Draft<KubernetesObject> {
  return { ...object, metadata: { ...object.metadata } } as Draft<KubernetesObject>
}

/** Equality of JSON data. A member that is undefined counts as absent; the order of members does not matter. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const list = Array.isArray(a)
  if (list !== Array.isArray(b)) return false
  if (list) return a.length === (b as unknown[]).length && a.every((item, i) => equal(item, (b as unknown[])[i]))
  return equalMembers(a as Record<string, unknown>, b as Record<string, unknown>)
}

function equalMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key in a) if (!equal(a[key], b[key])) return false
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false
  return true
}

/** Freezes JSON data all the way down. Used in tests and simulation, where the cost does not matter. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
