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

/** Freezes JSON data all the way down. Used in tests and simulation, where the cost does not matter. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
