/**
 * Pure: the EndpointSlices that say what Endpoints made by hand say, one for each subset of ports and address family. Source:
 * the EndpointSlice API, "EndpointSlice mirroring".
 */
import { jsonEqual } from '../../api/json-equal.ts'
import type { EndpointAddress, EndpointSubset, Endpoints } from '../../api/types/core-v1.gen.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { endpoints as endpointsResource } from '../../client/resources.ts'
import { MANAGED_BY, SERVICE_NAME, type SlicePlan } from '../managed-slices.ts'
import { controllerReference } from '../ownership.ts'
import { SKIP_MIRROR, TRIGGER_TIME } from '../service-endpoints.ts'

export const MANAGER = 'endpointslicemirroring-controller.k8s.io'
/** Addresses of one subset that are mirrored; the rest is left out, and an event says so. */
export const MIRRORED_PER_SUBSET_MAX = 1000

const LEADER = 'control-plane.alpha.kubernetes.io/leader'
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export interface MirrorPlan extends SlicePlan {
  /** Addresses beyond the maximum. */
  readonly skipped: number
}

interface Mirrored {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly EndpointPort[]
  readonly endpoints: Endpoint[]
}

/** Neither told to be left alone nor somebody's lock. */
export function isMirrored({ metadata }: Endpoints): boolean {
  return metadata.labels?.[SKIP_MIRROR] !== 'true' && metadata.annotations?.[LEADER] === undefined
}

export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[]): MirrorPlan {
  const { mirrored, skipped } = mirroredOf(endpoints.subsets ?? [])
  const unused = new Set(existing)
  const take = (fits: (slice: EndpointSlice) => boolean) => {
    const found = [...unused].find(fits)
    if (found) unused.delete(found)
    return found
  }
  const kept = mirrored.map(({ addressType, ports }) =>
    take((slice) => slice.addressType === addressType && jsonEqual(slice.ports ?? [], ports)),
  )
  const create: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  for (const [i, wanted] of mirrored.entries()) {
    // A slice that would go is used for one that would come; its address type cannot change.
    const present = kept[i] ?? take((slice) => slice.addressType === wanted.addressType)
    const slice = sliceOf(endpoints, wanted, present)
    if (!present) create.push(slice)
    else if (!says(present, slice)) update.push(slice)
  }
  return { create, update, delete: [...unused], skipped }
}

function mirroredOf(subsets: readonly EndpointSubset[]): { mirrored: readonly Mirrored[]; skipped: number } {
  const found = new Map<string, Mirrored>()
  let skipped = 0
  for (const { addresses = [], notReadyAddresses = [], ports: subsetPorts = [] } of subsets) {
    const ports = subsetPorts.map((port) => ({ ...port, name: port.name ?? '' }))
    const all = [
      ...addresses.map((each) => endpointOf(each, true)),
      ...notReadyAddresses.map((each) => endpointOf(each, false)),
    ]
    skipped += Math.max(0, all.length - MIRRORED_PER_SUBSET_MAX)
    for (const endpoint of all.slice(0, MIRRORED_PER_SUBSET_MAX)) {
      const addressType = endpoint.addresses[0]?.includes(':') ? 'IPv6' : 'IPv4'
      const key = JSON.stringify([addressType, ports])
      const mirrored = found.get(key) ?? { addressType, ports, endpoints: [] }
      found.set(key, mirrored)
      mirrored.endpoints.push(endpoint)
    }
  }
  return { mirrored: [...found.values()], skipped }
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  }
}

function sliceOf(endpoints: Endpoints, wanted: Mirrored, present: EndpointSlice | undefined): EndpointSlice {
  const { name = '', namespace = '' } = endpoints.metadata
  const { [TRIGGER_TIME]: _, [LAST_APPLIED]: __, ...annotations } = endpoints.metadata.annotations ?? {}
  return {
    ...(present ?? { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }),
    metadata: {
      ...(present?.metadata ?? { generateName: `${name}-`, namespace }),
      labels: { ...endpoints.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER },
      annotations,
      ownerReferences: [controllerReference(endpointsResource, endpoints)],
    },
    ...wanted,
  }
}

/** Same in what is mirrored. */
function says(slice: EndpointSlice, other: EndpointSlice): boolean {
  const said = ({ metadata, ports = [], endpoints = [] }: EndpointSlice) => [
    metadata.labels,
    metadata.annotations ?? {},
    metadata.ownerReferences,
    ports,
    endpoints,
  ]
  return jsonEqual(said(slice), said(other))
}
