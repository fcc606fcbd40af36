/** Revisions and the annotations by which a Deployment and its ReplicaSets tell each other things. */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { boundsOf, byAge } from './bounds.ts'
import { sameTemplate } from './template.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'
const REVISION_HISTORY_CHARS_MAX = 2000

type Annotations = Readonly<Record<string, string>>

/** Annotations of the Deployment that its ReplicaSets do not take over. */
const NOT_INHERITED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
])

/** The ReplicaSet with the Deployment's present template; of several the oldest. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byAge).find((set) => sameTemplate(set.spec.template, deployment.spec.template))
}

export function revisionOf(object: { readonly metadata: { readonly annotations?: Annotations } }): number {
  return Number.parseInt(object.metadata.annotations?.[REVISION] ?? '0', 10) || 0
}

/** The revision that the new ReplicaSet is to have. */
export function nextRevision(oldSets: readonly ReplicaSet[]): number {
  return Math.max(0, ...oldSets.map(revisionOf)) + 1
}

/** The annotations that the new ReplicaSet should have; `present` are those it has, undefined when it does not exist yet. */
export function newSetAnnotations(
  deployment: Deployment,
  present: Annotations | undefined,
  revision: number,
): Annotations {
  const result: Record<string, string> = { ...present }
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (!NOT_INHERITED.has(name)) result[name] = value
  const old = Number.parseInt(present?.[REVISION] ?? '0', 10) || 0
  if (old < revision) {
    result[REVISION] = String(revision)
    if (old > 0) result[REVISION_HISTORY] = withHistory(present?.[REVISION_HISTORY], old)
  }
  return present ? result : { ...result, ...scaleAnnotations(deployment) }
}

function withHistory(history: string | undefined, revision: number): string {
  const entries = history ? history.split(',') : []
  entries.push(String(revision))
  while (entries.length > 1 && entries.join(',').length > REVISION_HISTORY_CHARS_MAX) entries.shift()
  return entries.join(',')
}

/** For which size of the Deployment a ReplicaSet was scaled last: what proportional scaling goes by. */
export function scaleAnnotations(deployment: Deployment): Annotations {
  const { desired, maxSurge } = boundsOf(deployment)
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge) }
}

export function desiredAnnotation(set: ReplicaSet): number | undefined {
  return parseAnnotation(set, DESIRED_REPLICAS)
}

export function maxAnnotation(set: ReplicaSet): number | undefined {
  return parseAnnotation(set, MAX_REPLICAS)
}

function parseAnnotation(set: ReplicaSet, name: string): number | undefined {
  const value = Number.parseInt(set.metadata.annotations?.[name] ?? '', 10)
  return Number.isNaN(value) ? undefined : value
}

export function sameAnnotations(a: Annotations | undefined, b: Annotations | undefined): boolean {
  const left = Object.entries(a ?? {})
  return left.length === Object.keys(b ?? {}).length && left.every(([name, value]) => b?.[name] === value)
}
