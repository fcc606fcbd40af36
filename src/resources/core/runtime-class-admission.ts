/** The admission plugin RuntimeClass: what a class adds to its pods. Throws ApiError 403. */
import type { Draft, KubernetesObject } from '../../api/object.ts'
import { compareQuantities } from '../../api/quantity.ts'
import { forbidden } from '../../api/status.ts'
import type { Pod, PodSpec, Toleration } from '../../api/types/core-v1.gen.ts'
import type { RuntimeClass, Scheduling } from '../../api/types/node-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { Context } from '../declaration.ts'

export function admitRuntimeClass(pod: Draft<Pod>, name: string, context: Context): void {
  const refuse = (why: string) => forbidden({ group: '', resource: 'pods' }, name, why)
  const { spec } = pod
  const wanted = spec.runtimeClassName
  const found = wanted ? lookup(wanted, context) : undefined
  if (wanted && !found) throw refuse(`pod rejected: RuntimeClass ${JSON.stringify(wanted)} not found`)
  const overhead = found?.overhead?.podFixed
  if (!overhead && spec.overhead)
    throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
  if (overhead && spec.overhead && !sameAmounts(overhead, spec.overhead))
    throw refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
  if (overhead) spec.overhead = { ...overhead }
  if (found?.scheduling) addScheduling(spec, found.scheduling, refuse)
}

function lookup(name: string, context: Context): RuntimeClass | undefined {
  return context.lookup('node.k8s.io', 'runtimeclasses', '', name) as (RuntimeClass & KubernetesObject) | undefined
}

type Amounts = Readonly<Record<string, string>>

function sameAmounts(a: Amounts, b: Amounts): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => b[name] !== undefined && compareQuantities(a[name] ?? '0', b[name]) === 0)
  )
}

function addScheduling(spec: Draft<PodSpec>, scheduling: Scheduling, refuse: (why: string) => Error): void {
  const { nodeSelector = {}, tolerations = [] } = scheduling
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value)
      throw refuse(
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      )
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value }
  }
  const own = spec.tolerations ?? []
  const added = tolerations.filter((toleration) => !own.some((other) => sameJson(other, toleration)))
  if (added.length > 0) spec.tolerations = [...own, ...(added as Draft<Toleration>[])]
}
