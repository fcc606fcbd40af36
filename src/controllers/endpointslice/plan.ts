/**
 * Pure: the EndpointSlices of a Service, and how to get there from those that exist with few writes: endpoints stay in their
 * slice, room in existing slices is used before new ones are made, and a slice that would go is used for one that would come.
 *
 *   terminating = has a deletionTimestamp; serving = ready; ready = serving and not terminating
 *   publishNotReadyAddresses: ready is always true
 */

import { jsonEqual } from '../../api/json-equal.ts'
import type { Node, Pod, Service } from '../../api/types/core-v1.gen.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { services } from '../../client/resources.ts'
import { MANAGED_BY, SERVICE_NAME, type SlicePlan } from '../managed-slices.ts'
import { controllerReference } from '../ownership.ts'
import { isReady, isTerminal } from '../pod-state.ts'
import { backendPorts, HEADLESS, hostnameOf, isHeadless, withTrigger } from '../service-endpoints.ts'

export const MANAGER = 'endpointslice-controller.k8s.io'

export const ZONE = 'topology.kubernetes.io/zone'

const ENDPOINTS_PER_SLICE_MAX = 100

interface Group {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: Map<string, Endpoint>
}

/** A slice as it should be; `existing` is undefined for a new one. */
interface Target {
  existing: EndpointSlice | undefined
  readonly ports: readonly EndpointPort[]
  endpoints: Endpoint[]
}

export interface Surroundings {
  nodeOf(name: string): Node | undefined
  /** When that happened which is written now, RFC 3339. */
  readonly trigger?: string | undefined
}

/** `pods` are those that the Service selects. */
export function planSlices(
  service: Service,
  pods: readonly Pod[],
  existing: readonly EndpointSlice[],
  { nodeOf, trigger }: Surroundings,
): SlicePlan {
  const targets: Target[] = []
  const unused = new Set(existing.filter((slice) => slice.addressType === 'IPv4'))
  const goes = existing.filter((slice) => slice.addressType !== 'IPv4')
  for (const group of groupsOf(service, pods, nodeOf)) {
    const same = [...unused].filter((slice) => jsonEqual(slice.ports ?? [], group.ports))
    for (const slice of same) unused.delete(slice)
    const packed = pack(group, same)
    targets.push(...packed.filter((target) => target.endpoints.length > 0))
    for (const target of packed) if (target.endpoints.length === 0 && target.existing) unused.add(target.existing)
  }
  // A Service without endpoints has one empty slice, which says so.
  if (targets.length === 0) targets.push({ existing: undefined, ports: [], endpoints: [] })
  recycle(targets, unused)
  return { ...finish(service, targets, trigger), delete: [...unused, ...goes] }
}

/** A target without a slice takes one that would go. */
function recycle(targets: readonly Target[], unused: Set<EndpointSlice>): void {
  for (const target of targets) {
    const [spare] = unused
    if (target.existing || !spare) continue
    target.existing = spare
    unused.delete(spare)
  }
}

function finish(
  service: Service,
  targets: readonly Target[],
  trigger: string | undefined,
): Pick<SlicePlan, 'create' | 'update'> {
  const create: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  const labels = labelsOf(service)
  for (const { existing, ports, endpoints } of targets) {
    if (!existing) {
      create.push(newSlice(service, { labels, annotations: withTrigger({}, trigger), ports, endpoints }))
      continue
    }
    const same =
      jsonEqual(existing.metadata.labels ?? {}, labels) &&
      jsonEqual(existing.ports ?? [], ports) &&
      jsonEqual(existing.endpoints ?? [], endpoints)
    const annotations = withTrigger(existing.metadata.annotations ?? {}, trigger)
    const metadata = { ...existing.metadata, labels, annotations }
    if (!same) update.push({ ...existing, metadata, endpoints, ports })
  }
  return { create, update }
}

function newSlice(
  service: Service,
  parts: {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly ports: readonly EndpointPort[]
    readonly endpoints: readonly Endpoint[]
  },
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace ?? '',
      labels: parts.labels,
      annotations: parts.annotations,
      ownerReferences: [controllerReference(services, service)],
    },
    addressType: 'IPv4',
    endpoints: parts.endpoints,
    ports: parts.ports,
  }
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  const { [HEADLESS]: _, ...labels } = service.metadata.labels ?? {}
  return {
    ...labels,
    ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: service.metadata.name ?? '',
    [MANAGED_BY]: MANAGER,
  }
}

/** Endpoints by the ports they have: a named target port may be another number in each pod. */
function groupsOf(service: Service, pods: readonly Pod[], nodeOf: Surroundings['nodeOf']): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const pod of pods) {
    if (isTerminal(pod) || !pod.status?.podIP) continue
    const node = pod.spec.nodeName ? nodeOf(pod.spec.nodeName) : undefined
    // What a node that is gone said last is not to be relied upon, unless everything is to be published anyway.
    if (pod.spec.nodeName && !node && !service.spec?.publishNotReadyAddresses) continue
    const ports: readonly EndpointPort[] = backendPorts(service, pod).map((port) => ({
      ...port,
      name: port.name ?? '',
    }))
    const key = JSON.stringify(ports)
    let group = groups.get(key)
    if (!group) {
      group = { ports, endpoints: new Map() }
      groups.set(key, group)
    }
    const endpoint = endpointOf(service, pod, node)
    group.endpoints.set(identityOf(endpoint), endpoint)
  }
  return [...groups.values()]
}

function endpointOf(service: Service, pod: Pod, node: Node | undefined): Endpoint {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const { nodeName } = pod.spec
  const zone = node?.metadata.labels?.[ZONE]
  const hostname = hostnameOf(service, pod)
  const { namespace, name, uid } = pod.metadata
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: {
      ready: (service.spec?.publishNotReadyAddresses ?? false) || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname ? { hostname } : {}),
    targetRef: {
      kind: 'Pod',
      ...(namespace ? { namespace } : {}),
      ...(name ? { name } : {}),
      ...(uid ? { uid } : {}),
    },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  }
}

/** The same pod at the same address is the same endpoint. */
export function identityOf(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join(',')}`
}

function pack(group: Group, existing: readonly EndpointSlice[]): Target[] {
  const left = new Map(group.endpoints)
  const targets = existing.map((slice): Target => {
    const kept: Endpoint[] = []
    for (const endpoint of slice.endpoints ?? []) {
      const identity = identityOf(endpoint)
      const wanted = left.get(identity)
      if (!wanted || kept.length >= ENDPOINTS_PER_SLICE_MAX) continue
      kept.push(wanted)
      left.delete(identity)
    }
    return { existing: slice, ports: group.ports, endpoints: kept }
  })
  const fresh = [...left.values()]
  // The fullest slices first: many small ones cost every watcher more than few large ones.
  for (const target of [...targets].sort((a, b) => b.endpoints.length - a.endpoints.length)) {
    const room = ENDPOINTS_PER_SLICE_MAX - target.endpoints.length
    if (target.endpoints.length > 0 || targets.length === 1) target.endpoints.push(...fresh.splice(0, room))
  }
  while (fresh.length > 0) {
    const endpoints = fresh.splice(0, ENDPOINTS_PER_SLICE_MAX)
    targets.push({ existing: undefined, ports: group.ports, endpoints })
  }
  return targets
}
