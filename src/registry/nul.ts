/**
 * No NUL in what becomes part of a process, for every kind at once: the schema says where a kind has such parts, be it a pod, a
 * template of one at whatever depth, or a volume. A kind that is added later is covered without a word.
 */
import type { FieldError } from '../api/field-error.ts'
import { nulErrors } from '../api/nul.ts'
import { type Definition, definition as definitionOf, type Type } from '../api/schema.ts'

/** What a node makes processes and mounts of. All strings below are looked at. */
const MADE_REAL: ReadonlySet<string> = new Set([
  'io.k8s.api.core.v1.PodSpec',
  'io.k8s.api.core.v1.PersistentVolumeSpec',
])

/** Whether there can be such a part in a value of the type. */
function leadsThere(type: Type): boolean {
  if (type.kind === 'ref') return MADE_REAL.has(type.definition.name) || fieldsThatLead(type.definition).length > 0
  return 'of' in type && leadsThere(type.of)
}

const ways = new Map<Definition, readonly (readonly [string, Type])[]>()

function fieldsThatLead(definition: Definition): readonly (readonly [string, Type])[] {
  let known = ways.get(definition)
  if (!known) {
    // A definition that contains itself is looked into once.
    ways.set(definition, [])
    known = [...definition.fields.values()].filter((f) => leadsThere(f.type)).map((f) => [f.name, f.type] as const)
    ways.set(definition, known)
  }
  return known
}

type Loose = Readonly<Record<string, unknown>> | undefined

/** Errors of a conformed object; `definition` is the full name of its. `old` is what it was, undefined for a new one. */
export function objectNulErrors(object: object, old: object | undefined, definition: string): FieldError[] {
  const errors: FieldError[] = []
  look(object as Loose, old as Loose, { definition: definitionOf(definition), prefix: '' }, errors)
  return errors
}

function look(
  value: Loose,
  old: Loose,
  { definition, prefix }: { definition: Definition; prefix: string },
  errors: FieldError[],
): void {
  if (value === undefined || value === old) return
  for (const [name, type] of fieldsThatLead(definition)) {
    const path = `${prefix}${name}`
    if (type.kind === 'ref' && !MADE_REAL.has(type.definition.name))
      look(value[name] as Loose, old?.[name] as Loose, { definition: type.definition, prefix: `${path}.` }, errors)
    else nulErrors(value[name], old?.[name], path, errors)
  }
}
