/**
 * The character NUL (U+0000) ends a string wherever the system takes one: arguments, environment, paths, names. JSON can carry it,
 * no process can, so whatever is to become part of one is looked through here, as a whole.
 */
import { own } from '../base/own.ts'
import { type FieldError, invalid } from './field-error.ts'

const NUL = '\0'
const WHY = 'must not contain the NUL character (U+0000): no argument, environment variable, path or host name can'

/**
 * One error for each string in a JSON value, and each key, that holds NUL: `spec.containers[0].env[1].value`. What `old` has in the
 * same place is let through: an object that was stored so can still be finalized.
 */
export function nulErrors(value: unknown, old: unknown, path: string, errors: FieldError[] = []): FieldError[] {
  if (value === old || !holdsNul(value)) return errors
  tell(value, old, path, errors)
  return errors
}

/** Most values hold none, and then no path has to be made. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(NUL)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(holdsNul)
  for (const key in value)
    if (key.includes(NUL) || holdsNul((value as Readonly<Record<string, unknown>>)[key])) return true
  return false
}

function tell(value: unknown, old: unknown, path: string, errors: FieldError[]): void {
  if (value === old) return
  if (typeof value === 'string') {
    if (value.includes(NUL)) errors.push(invalid(path, value, WHY))
  } else if (Array.isArray(value)) {
    const before = Array.isArray(old) ? old : []
    for (let i = 0; i < value.length; i++) tell(value[i], before[i], `${path}[${i}]`, errors)
  } else if (typeof value === 'object' && value !== null) {
    const before = (typeof old === 'object' && old !== null ? old : {}) as Readonly<Record<string, unknown>>
    for (const key in value) {
      if (key.includes(NUL) && !Object.hasOwn(before, key)) errors.push(invalid(path, key, WHY))
      tell((value as Readonly<Record<string, unknown>>)[key], own(before, key), `${path}.${key}`, errors)
    }
  }
}

export const hasNul = (text: string): boolean => text.includes(NUL)
