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

interface Annotated {
  readonly metadata: { readonly annotations?: Annotations }
}

/** The annotation as it is written; '' without one. */
export const revisionText = ({ metadata }: Annotated): string => metadata.annotations?.[REVISION] ?? ''

/** Revisions are 64-bit integers, which JavaScript's numbers would round. 0 for none, and for a text that is no such number. */
export function revisionOf(object: Annotated): bigint {
  return parsed(revisionText(object)) ?? 0n
}

function parsed(text: string): bigint | undefined {
  if (!/^[-+]?\d{1,20}$/.test(text)) return undefined
  const value = BigInt(text.replace('+', ''))
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** The revision that the new ReplicaSet is to have: one more than the greatest of the old ones, as a 64-bit integer counts. */
export function nextRevision(oldSets: readonly ReplicaSet[]): bigint {
  const latest = [...oldSets].sort(byRevision).at(-1)
  return BigInt.asIntN(64, (latest ? revisionOf(latest) : 0n) + 1n)
}

/** Older revisions first. */
export function byRevision(a: Annotated, b: Annotated): number {
  const difference = revisionOf(a) - revisionOf(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The annotations that the new ReplicaSet should have; `present` are those it has, undefined when it does not exist yet. */
export function newSetAnnotations(
  deployment: Deployment,
  present: Annotations | undefined,
  revision: bigint,
): Annotations {
  const result: Record<string, string> = { ...present }
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (!NOT_INHERITED.has(name)) result[name] = value
  const before = present?.[REVISION] ?? ''
  // A revision that is no number stays as it is.
  const old = before === '' ? 0n : parsed(before)
  if (old !== undefined && old < revision) {
    result[REVISION] = String(revision)
    if (before !== '') result[REVISION_HISTORY] = withHistory(present?.[REVISION_HISTORY], before)
  }
  return present ? result : { ...result, ...scaleAnnotations(deployment) }
}

function withHistory(history: string | undefined, revision: string): string {
  const entries = history ? history.split(',') : []
  entries.push(revision)
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
