/** Taints and tolerations. Source: API fields Taint and Toleration. */
import type { Taint, Toleration } from './types/core-v1.gen.ts'

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  // An empty key needs Exists to mean all keys.
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '')
}

/** The first taint of one of these effects that nothing tolerates. */
export function untolerated(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  effects: readonly string[],
): Taint | undefined {
  return taints.find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  )
}
