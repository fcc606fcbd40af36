/**
 * What a node's proxy should do, from Services and EndpointSlices. Pure: the same objects give the same plan.
 *
 *   Service default/web 10.96.0.10:80 -> [10.244.0.5 ready, 10.244.0.6 serving terminating]
 *   plan: default/web:TCP:80 -> cluster.backends [10.244.0.5:8080]
 *
 * Rules are numbered in SPEC.md; behaviour is that of kube-proxy 1.36 (KEP-1669 terminating endpoints, KEP-2086 internal
 * traffic policy, core/v1 ServiceSpec).
 */
import type { Service } from '../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'

type Protocol = 'TCP' | 'UDP'

export interface Backend {
  readonly ip: string
  readonly port: number
  /** On this node. */
  readonly local: boolean
}

/** Where new connections of one kind go. `none` says what happens to them while there is no backend. */
export interface Route {
  readonly backends: readonly Backend[]
  readonly none: 'reject' | 'drop'
}

/** One port of one Service. */
export interface ServicePort {
  /** `default/web:TCP:80`, unique in the cluster. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly portName: string
  readonly protocol: Protocol
  readonly port: number
  /** IPv4, at least one. */
  readonly clusterIPs: readonly string[]
  /** IPv4. */
  readonly externalIPs: readonly string[]
  readonly nodePort?: number
  /** Session affinity ClientIP: a client keeps its backend this many seconds after its last connection. */
  readonly affinitySeconds?: number
  /** To backends of all nodes. */
  readonly any: Route
  /** From pods and this node to the cluster IPs, by internalTrafficPolicy. */
  readonly cluster: Route
  /** From outside to the external IPs and the node port, by externalTrafficPolicy. */
  readonly external: Route
  /** externalTrafficPolicy Local: external traffic keeps its source address and stays on the node; pods and nodes go to `any`. */
  readonly externalLocal: boolean
}

/** All service ports of a cluster as one node sees them, by `key`, in the order of keys. */
export type ProxyPlan = ReadonlyMap<string, ServicePort>

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
const OTHER_PROXY_LABEL = 'service.kubernetes.io/service-proxy-name'
const HEADLESS_LABEL = 'service.kubernetes.io/headless'
/** core/v1 ClientIPConfig.timeoutSeconds default. */
const AFFINITY_SECONDS_DEFAULT = 10_800

/** `namespace/name` of the Service that a slice belongs to, or undefined when it belongs to none. */
export function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL]
  return name ? `${slice.metadata.namespace ?? ''}/${name}` : undefined
}

/** The whole plan. For a change of one Service `planService` is enough. */
export function planAll(services: readonly Service[], slices: readonly EndpointSlice[], nodeName: string): ProxyPlan {
  const slicesOf = new Map<string, EndpointSlice[]>()
  for (const slice of slices) {
    const service = serviceOf(slice)
    if (!service) continue
    const known = slicesOf.get(service)
    if (known) known.push(slice)
    else slicesOf.set(service, [slice])
  }
  const ports = services.flatMap((service) =>
    planService(
      service,
      slicesOf.get(`${service.metadata.namespace ?? ''}/${service.metadata.name ?? ''}`) ?? [],
      nodeName,
    ),
  )
  return planOf(ports)
}

export function planOf(ports: Iterable<ServicePort>): ProxyPlan {
  return new Map([...ports].sort((a, b) => compare(a.key, b.key)).map((port) => [port.key, port]))
}

/** The ports of one Service; empty for headless, ExternalName and foreign-proxy Services. [PP1] */
export function planService(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
): readonly ServicePort[] {
  const { metadata, spec } = service
  if (!spec || !isProxied(service)) return []
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter(isIPv4)
  if (clusterIPs.length === 0) return []
  const externalLocal = spec.externalTrafficPolicy === 'Local'
  const namespace = metadata.namespace ?? ''
  const name = metadata.name ?? ''
  const planned: ServicePort[] = []
  for (const port of spec.ports ?? []) {
    const protocol = port.protocol ?? 'TCP'
    if (protocol !== 'TCP' && protocol !== 'UDP') continue
    const candidates = candidatesOf(slices, port.name ?? '', protocol, nodeName)
    planned.push({
      key: `${namespace}/${name}:${protocol}:${port.port}`,
      namespace,
      name,
      portName: port.name ?? '',
      protocol,
      port: port.port,
      clusterIPs,
      externalIPs: (spec.externalIPs ?? []).filter(isIPv4),
      ...(port.nodePort ? { nodePort: port.nodePort } : {}),
      ...(spec.sessionAffinity === 'ClientIP'
        ? { affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT }
        : {}),
      any: routeOf(candidates, false),
      cluster: routeOf(candidates, spec.internalTrafficPolicy === 'Local'),
      external: routeOf(candidates, externalLocal),
      externalLocal,
    })
  }
  return planned
}

function isProxied({ metadata, spec }: Service): boolean {
  if (metadata.labels?.[OTHER_PROXY_LABEL] !== undefined) return false
  return spec?.type !== 'ExternalName' && spec?.clusterIP !== 'None' && spec?.clusterIPs?.[0] !== 'None'
}

interface Candidate extends Backend {
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

/** Endpoints of one service port over all slices; an address named twice counts once, the readier entry wins. [PP2] */
function candidatesOf(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  nodeName: string,
): readonly Candidate[] {
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    if ((slice.addressType ?? 'IPv4') !== 'IPv4' || slice.metadata.labels?.[HEADLESS_LABEL] !== undefined) continue
    const port = slice.ports?.find((p) => (p.name ?? '') === portName && (p.protocol ?? 'TCP') === protocol)?.port
    if (port === undefined) continue
    for (const { addresses, conditions, nodeName: on } of slice.endpoints ?? []) {
      const ip = addresses?.[0]
      if (!ip || !isIPv4(ip)) continue
      const ready = conditions?.ready ?? true
      const candidate: Candidate = {
        ip,
        port,
        local: on !== undefined && on === nodeName,
        ready,
        // An unset `serving` is read as `ready`, an unset `terminating` as false (discovery/v1 EndpointConditions).
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
      }
      const key = `${ip}:${port}`
      const known = found.get(key)
      if (!known || (!known.ready && ready)) found.set(key, candidate)
    }
  }
  return [...found.values()].sort((a, b) => compare(a.ip, b.ip) || a.port - b.port)
}

/** Ready endpoints, else serving ones that are terminating. [PP3] With policy Local only those of this node. [PP4] */
function routeOf(candidates: readonly Candidate[], localOnly: boolean): Route {
  const anywhere = usable(candidates)
  if (!localOnly) return { backends: anywhere.map(asBackend), none: 'reject' }
  const here = usable(candidates.filter((candidate) => candidate.local))
  return { backends: here.map(asBackend), none: anywhere.length > 0 ? 'drop' : 'reject' }
}

function usable(candidates: readonly Candidate[]): readonly Candidate[] {
  const ready = candidates.filter((candidate) => candidate.ready)
  return ready.length > 0 ? ready : candidates.filter((candidate) => candidate.serving && candidate.terminating)
}

const asBackend = ({ ip, port, local }: Candidate): Backend => ({ ip, port, local })

const isIPv4 = (text: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(text)

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
