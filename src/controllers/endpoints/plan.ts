/** Pure: the Endpoints of a Service. Unlike in slices a pod is out as soon as it is marked for deletion. */
import { jsonEqual } from '../../api/json-equal.ts'
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from '../../api/types/core-v1.gen.ts'
import { isReady, isTerminal } from '../pod-state.ts'
import { backendPorts, HEADLESS, hostnameOf, isHeadless, withTrigger } from '../service-endpoints.ts'

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by'
const MANAGER = 'endpoint-controller'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'
/** Addresses in one Endpoints; more are left out, and an annotation says so. */
const ADDRESSES_MAX = 1000

/** The object to write, or undefined when `existing` is right. `trigger`: when that happened which is written now, RFC 3339. */
export function planEndpoints(
  service: Service,
  pods: readonly Pod[],
  existing: Endpoints | undefined,
  trigger: string | undefined,
): Endpoints | undefined {
  const { subsets, truncated } = subsetsOf(service, pods)
  const { [HEADLESS]: _, ...own } = service.metadata.labels ?? {}
  const labels = { ...own, ...(isHeadless(service) ? { [HEADLESS]: '' } : {}), [MANAGED_BY]: MANAGER }
  const same =
    existing !== undefined &&
    jsonEqual(existing.subsets ?? [], subsets) &&
    jsonEqual(existing.metadata.labels ?? {}, labels) &&
    (existing.metadata.annotations?.[OVER_CAPACITY] === 'truncated') === truncated
  if (same) return undefined
  const { [OVER_CAPACITY]: __, ...annotations } = existing?.metadata.annotations ?? {}
  const { name = '', namespace = '' } = service.metadata
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(existing?.metadata ?? { name, namespace }),
      labels,
      annotations: {
        ...withTrigger(annotations, trigger),
        ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}),
      },
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  }
}

interface Addresses {
  readonly ports: readonly EndpointPort[]
  readonly ready: EndpointAddress[]
  readonly notReady: EndpointAddress[]
}

/** Addresses with the same ports share a subset; both are sorted, so that the same pods give the same object. */
function subsetsOf(service: Service, pods: readonly Pod[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const publishAll = service.spec.publishNotReadyAddresses ?? false
  const groups = new Map<string, Addresses>()
  const asReady = (pod: Pod) => publishAll || isReady(pod)
  // Of too many those that are not ready are the first to be left out.
  const eligible = pods
    .filter((pod) => isEligible(pod, publishAll))
    .sort((a, b) => Number(asReady(b)) - Number(asReady(a)) || byAddress(a, b))
  for (const pod of eligible.slice(0, ADDRESSES_MAX)) {
    const ports = backendPorts(service, pod)
    if (ports.length === 0 && !(isHeadless(service) && (service.spec.ports ?? []).length === 0)) continue
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] }
    groups.set(key, group)
    const list = asReady(pod) ? group.ready : group.notReady
    list.push(addressOf(service, pod))
  }
  const subsets = [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length > 0 ? { addresses: ready } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
      ...(ports.length > 0 ? { ports } : {}),
    }))
  return { subsets, truncated: eligible.length > ADDRESSES_MAX }
}

function isEligible(pod: Pod, publishAll: boolean): boolean {
  if (isTerminal(pod) || !pod.status?.podIP) return false
  return publishAll || pod.metadata.deletionTimestamp === undefined
}

function byAddress(a: Pod, b: Pod): number {
  const left = a.status?.podIP ?? ''
  const right = b.status?.podIP ?? ''
  return left === right ? 0 : left < right ? -1 : 1
}

function addressOf(service: Service, pod: Pod): EndpointAddress {
  const hostname = hostnameOf(service, pod)
  const { name = '', namespace = '', uid = '' } = pod.metadata
  return {
    ip: pod.status?.podIP ?? '',
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}
