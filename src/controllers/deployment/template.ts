/** Pod templates: are two the same, and the hash that names a template's ReplicaSet. */
import { jsonEqual } from '../../api/json-equal.ts'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { goDump } from './go-dump.ts'

export const HASH_LABEL = 'pod-template-hash'

/** Without vowels and look-alikes, so that no hash reads like a word: the alphabet of Kubernetes' generated names. */
const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** Same but for the hash label. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return jsonEqual(withoutHash(a ?? {}), withoutHash(b ?? {}))
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

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { labels = {}, annotations = {}, ...rest } = template.metadata ?? {}
  const { [HASH_LABEL]: _, ...own } = labels
  return { ...template, metadata: { ...rest, annotations, labels: own } }
}
