/** The downward API: what a container may be told of its pod and of its own resources. */

import { parseQuantity } from '../api/quantity.ts'
import type { Container, Pod } from '../api/types/core-v1.gen.ts'
import { own } from '../base/own.ts'
import { ConfigError } from './sources.ts'

export interface DownwardFacts {
  readonly podIP: string
  readonly hostIP: string
  /** What resourceFieldRef falls back to for a missing limit. */
  readonly allocatable: Readonly<Record<string, string>>
}

/** The text of a fieldRef in an environment variable or a file. Throws ConfigError for a path that is none. */
export function fieldText(path: string, pod: Pod, facts: DownwardFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (keyed) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] as string] ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? ''
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
      return mapText(pod.metadata.labels)
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? ''
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`)
  }
}

/** Of what a container may be told while its pod lives nothing has changed. */
export function isToldAlike(one: Pod, other: Pod): boolean {
  const told = ({ metadata: { labels, annotations } }: Pod) => JSON.stringify([labels, annotations])
  return told(one) === told(other)
}

/** `key="value"`, one a line, sorted. */
function mapText(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
}

/** A limit or request as a whole number of the divisor, rounded up; a missing limit is what the node can give. */
export function resourceText(
  ref: { readonly resource: string; readonly divisor?: string },
  container: Container,
  facts: DownwardFacts,
): string {
  const [which, ...rest] = ref.resource.split('.')
  const name = rest.join('.')
  const { limits, requests } = container.resources ?? {}
  const found =
    which === 'limits'
      ? (own(limits, name) ?? own(facts.allocatable, name))
      : (own(requests, name) ?? own(limits, name))
  const divisor = ref.divisor && ref.divisor !== '0' ? ref.divisor : '1'
  const amount = parseQuantity(found ?? '0').nanos
  const unit = parseQuantity(divisor).nanos
  return String((amount + unit - 1n) / unit)
}
