/** Pod templates: are two the same, and the hash that names a template's ReplicaSet. */
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'

export const HASH_LABEL = 'pod-template-hash'

/** Without vowels and look-alikes, so that no hash reads like a word: the alphabet of Kubernetes' generated names. */
const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

const canonicalTexts = new WeakMap<PodTemplateSpec, string>()

/** Same but for the hash label. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return canonicalText(a ?? {}) === canonicalText(b ?? {})
}

/** A stable hash; `collisionCount` gives another one when an unrelated ReplicaSet has the name already. */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  const hash = fnv1a(canonicalText(template) + (collisionCount > 0 ? `#${collisionCount}` : ''))
  return [...String(hash)].map((digit) => SAFE_ALPHABET[digit.charCodeAt(0) % SAFE_ALPHABET.length]).join('')
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function canonicalText(template: PodTemplateSpec): string {
  let text = canonicalTexts.get(template)
  if (text === undefined) {
    const { labels = {}, annotations = {}, ...rest } = template.metadata ?? {}
    const { [HASH_LABEL]: _, ...plainLabels } = labels
    text = JSON.stringify(canonical({ ...template, metadata: { ...rest, labels: plainLabels, annotations } }))
    canonicalTexts.set(template, text)
  }
  return text
}

/** Keys sorted, nulls left out: what is not said and what is null are the same. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const sorted: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (item !== null && item !== undefined) sorted[key] = canonical(item)
  return sorted
}
