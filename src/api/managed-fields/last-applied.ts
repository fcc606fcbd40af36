/**
 * The bridge from client-side apply: kubectl kept what it applied in an annotation. When kubectl applies on the server, what
 * still stands as that annotation says is kubectl's to change, and the annotation follows. Source: KEP-555, "Upgrading from
 * client-side apply".
 */
import type { Definition } from '../schema.ts'
import { compare } from './compare.ts'
import { difference, type FieldSet } from './field-set.ts'
import { fieldSetOf } from './typed.ts'

/** Only this field manager is bridged; others can opt out by their name. */
export const BRIDGED_MANAGER = 'kubectl'
const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'

/** An annotation that would be larger is taken away instead. */
const LAST_APPLIED_BYTES_MAX = 256 * 1024

type Loose = Record<string, unknown>

function annotationsOf(object: Loose): Record<string, string> | undefined {
  return (object.metadata as { annotations?: Record<string, string> } | undefined)?.annotations
}

/** Fields that have the value which client-side apply gave them last: taking them is no conflict. */
export function lastAppliedFields(live: Loose, definition: Definition): FieldSet | undefined {
  const text = annotationsOf(live)?.[ANNOTATION]
  const applied = text === undefined ? undefined : parse(text)
  if (!applied) return undefined
  const { taken, removed } = compare(applied, live, definition)
  return difference(difference(fieldSetOf(applied, definition), taken), removed)
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The object with its annotation, if it has one, saying what was applied now. */
export function withLastApplied(object: Loose, config: Loose): Loose {
  const annotations = annotationsOf(object)
  if (annotations?.[ANNOTATION] === undefined) return object
  const text = `${JSON.stringify(sorted(bare(config)))}\n`
  const { [ANNOTATION]: _, ...others } = annotations
  const fits = new TextEncoder().encode(text).length <= LAST_APPLIED_BYTES_MAX
  const next = fits ? { ...others, [ANNOTATION]: text } : others
  return { ...object, metadata: { ...(object.metadata as object), annotations: next } }
}

/** What was applied, without the annotation itself. */
function bare(config: Loose): Loose {
  const annotations = annotationsOf(config)
  if (annotations?.[ANNOTATION] === undefined) return config
  const { [ANNOTATION]: _, ...others } = annotations
  return { ...config, metadata: { ...(config.metadata as object), annotations: others } }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}
