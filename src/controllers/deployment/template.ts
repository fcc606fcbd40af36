/** Pod templates: are two the same, and the hash that names a template's ReplicaSet. */
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { goDump } from './go-dump.ts'

export const HASH_LABEL = 'pod-template-hash'

/** Without vowels and look-alikes, so that no hash reads like a word: the alphabet of Kubernetes' generated names. */
const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

const canonicalTexts = new WeakMap<PodTemplateSpec, string>()

/** Same but for the hash label. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return canonicalText(a ?? {}) === canonicalText(b ?? {})
}

/** Kubernetes' own: `collisionCount` gives another one when an unrelated ReplicaSet has the name already. */
export function templateHash(template: PodTemplateSpec, collisionCount?: number): string {
  let hash = fnv1a(FNV_OFFSET, new TextEncoder().encode(goDump(template)))
  // Eight bytes of which four are used, the lowest first.
  if (collisionCount !== undefined)
    hash = fnv1a(hash, new Uint8Array(new BigUint64Array([BigInt(collisionCount)]).buffer))
  return [...String(hash)].map((digit) => SAFE_ALPHABET[digit.charCodeAt(0) % SAFE_ALPHABET.length]).join('')
}

const FNV_OFFSET = 0x811c9dc5

function fnv1a(from: number, bytes: Uint8Array): number {
  let hash = from
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
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
