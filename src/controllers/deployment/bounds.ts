/** What a Deployment's strategy allows, in pods. */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'

export interface Bounds {
  readonly desired: number
  /** More than desired at most; 0 with Recreate. */
  readonly maxSurge: number
  /** Fewer than desired at most; 0 with Recreate. */
  readonly maxUnavailable: number
}

/** Percentages are of the desired replicas: surge rounded up, unavailable rounded down; both zero would stand still, so then 1. */
export function boundsOf({ spec }: Deployment): Bounds {
  const desired = spec.replicas ?? 1
  if (!isRolling(spec)) return { desired, maxSurge: 0, maxUnavailable: 0 }
  const maxSurge = resolve(spec.strategy?.rollingUpdate?.maxSurge ?? '25%', desired, Math.ceil)
  const unavailable = resolve(spec.strategy?.rollingUpdate?.maxUnavailable ?? '25%', desired, Math.floor)
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable
  return { desired, maxSurge, maxUnavailable: Math.min(maxUnavailable, desired) }
}

export function isRolling(spec: Deployment['spec']): boolean {
  return spec.strategy?.type !== 'Recreate'
}

function resolve(value: number | string, total: number, round: (x: number) => number): number {
  if (typeof value === 'number') return value
  if (!value.endsWith('%')) return Number.parseInt(value, 10) || 0
  return round((Number.parseInt(value, 10) * total) / 100)
}

export function replicasOf(set: ReplicaSet): number {
  return set.spec.replicas ?? 1
}

export function sumReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0)
}

export function sumStatus(
  sets: readonly ReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas',
): number {
  return sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0)
}

/** Oldest first; of one age by name. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const at = a.metadata.creationTimestamp ?? ''
  const bt = b.metadata.creationTimestamp ?? ''
  if (at !== bt) return at < bt ? -1 : 1
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}
