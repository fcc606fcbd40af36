/** Quality of service of a pod: Guaranteed, Burstable or BestEffort, from cpu and memory of its containers alone. */

import { addQuantities, compareQuantities } from '../../api/quantity.ts'
import type { PodSpec, ResourceRequirements } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'

type Amounts = Readonly<Record<string, string>>
const COUNTED = ['cpu', 'memory'] as const

export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  if (spec.resources && (spec.resources.requests || spec.resources.limits)) return qosOf([spec.resources])
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
  return qosOf(all.map((container) => container.resources ?? {}))
}

function qosOf(resources: readonly Pick<ResourceRequirements, 'requests' | 'limits'>[]): ReturnType<typeof qosClass> {
  let any = false
  let guaranteed = true
  const requests: Record<string, string> = {}
  const limits: Record<string, string> = {}
  for (const { requests: asked, limits: capped } of resources) {
    for (const name of COUNTED) {
      if (addTo(requests, name, asked)) any = true
      if (addTo(limits, name, capped)) any = true
      else guaranteed = false
    }
  }
  if (!any) return 'BestEffort'
  const same = COUNTED.every((name) => compareQuantities(own(requests, name) ?? '0', own(limits, name) ?? '0') === 0)
  return guaranteed && same ? 'Guaranteed' : 'Burstable'
}

/** Whether there is more than nothing to add. */
function addTo(sum: Record<string, string>, name: string, amounts: Amounts | undefined): boolean {
  const amount = own(amounts, name)
  if (amount === undefined || compareQuantities(amount, '0') <= 0) return false
  const before = own(sum, name)
  sum[name] = before === undefined ? amount : addQuantities(before, amount)
  return true
}
