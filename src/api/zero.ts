/** What Kubernetes writes of an object when nothing was given: Go's zero value of the definition, written as JSON. */
import type { Definition, Field } from './schema.ts'

/** Whether all that is always written has been read. */
export function hasAlways(read: Readonly<Record<string, unknown>>, definition: Definition): boolean {
  for (const { name } of definition.always) if (read[name] === undefined) return false
  return true
}

/** The fields that were read, with those that are always written, in Kubernetes' order. */
export function inOrder(read: Readonly<Record<string, unknown>>, definition: Definition): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const field of definition.fields.values()) {
    const value = read[field.name]
    if (value !== undefined) out[field.name] = value
    else if (field.zero !== undefined) out[field.name] = zeroValue(field)
  }
  return out
}

export function zeroObject(definition: Definition): Record<string, unknown> {
  return inOrder({}, definition)
}

function zeroValue(field: Field): unknown {
  return field.zero === 'object' && field.type.kind === 'ref' ? zeroObject(field.type.definition) : field.zero
}
