/** Service v1: names, defaults and what an update carries over. Rules of its fields are in service-validation.ts. */

import { labelNameErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { Service, ServicePort, ServiceSpec } from '../../api/types/core-v1.gen.ts'
import type { Context, ResourceDeclaration } from '../declaration.ts'
import { declare, proxyAction } from '../declare.ts'
import { formatLabels, since } from '../format.ts'
import { carryOver, needsClusterIP, needsExternalPolicy, needsHealthCheckPort, needsNodePort } from './service-types.ts'
import { serviceErrors, serviceStatusErrors, serviceUpdateErrors } from './service-validation.ts'

/** How long a client keeps its endpoint: three hours. */
const AFFINITY_SECONDS = 10_800

export const service: ResourceDeclaration<Service> = declare<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.Service',
  nameErrors: labelNameErrors,
  createOnUpdate: true,
  status: 'owned',
  emptyStatus: () => ({ loadBalancer: {} }),
  default(draft) {
    draft.spec ??= {}
    defaultSpec(draft.spec)
    for (const ingress of draft.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP'
  },
  prepare(draft, old) {
    draft.spec ??= {}
    const { spec } = draft
    if (old?.spec) carryOver(spec, old.spec)
    else if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    if (needsClusterIP(spec)) {
      spec.ipFamilyPolicy ??= 'SingleStack'
      if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
    }
  },
  warn: serviceWarnings,
  validate: (object, old) => [...(old ? serviceUpdateErrors(object, old) : []), ...serviceErrors(object)],
  validateStatus: serviceStatusErrors,
  actions: [proxyAction('Service')],
  fields: { 'spec.clusterIP': (s) => s.spec?.clusterIP ?? '', 'spec.type': (s) => s.spec?.type ?? '' },
  row: serviceRow,
  delete: { returnsObject: true },
  allocation: {
    claims: (s) => claims(s.spec ?? {}),
    allocate(draft, pools) {
      draft.spec ??= {}
      const { spec } = draft
      if (needsClusterIP(spec)) {
        const first = spec.clusterIP || spec.clusterIPs?.[0] || pools.take('clusterIP')
        if (!spec.clusterIP) spec.clusterIP = first
        if (!spec.clusterIPs?.length) spec.clusterIPs = [first]
      }
      const wantsPorts =
        spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
      if (wantsPorts) allocatePorts(spec.ports ?? [], pools)
      if (needsHealthCheckPort(spec)) spec.healthCheckNodePort ||= Number(pools.take('nodePort'))
    },
  },
})

/** pkg/api/service/warnings.go, for addresses that are written as they should be. */
function serviceWarnings({ spec = {}, metadata }: Service, _old: Service | undefined, { warn }: Context): void {
  const hints = 'service.kubernetes.io/topology-aware-hints'
  if (metadata.annotations?.[hints] !== undefined)
    warn(`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`)
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None'
  if (headless && spec.loadBalancerIP) warn('spec.loadBalancerIP is ignored for headless services')
  const named = spec.type === 'ExternalName'
  if (spec.externalIPs?.length) {
    if (headless) warn('spec.externalIPs is ignored for headless services')
    else if (!named) warn('spec.externalIPs is deprecated and may no longer be implemented in some clusters')
  }
  if (headless && spec.sessionAffinity !== 'None') warn('spec.SessionAffinity is ignored for headless services')
  if (named && spec.externalIPs?.length) warn('spec.externalIPs is ignored when spec.type is "ExternalName"')
  if (!named && spec.externalName) warn('spec.externalName is ignored when spec.type is not "ExternalName"')
  if (spec.trafficDistribution === 'PreferClose')
    warn('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
}

function defaultSpec(spec: Draft<ServiceSpec>): void {
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  else if (spec.sessionAffinity === 'ClientIP') {
    const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: seconds } }
  }
  spec.type ||= 'ClusterIP'
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
  }
  if (needsExternalPolicy(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
}

interface Pools {
  take(pool: 'clusterIP' | 'nodePort'): string
}

/** One node port for each port number: TCP and UDP on one number share it, as DNS services do. */
function allocatePorts(ports: Draft<ServicePort>[], pools: Pools): void {
  const sharing = new Map<number, Draft<ServicePort>[]>()
  for (const port of ports) sharing.set(port.port, [...(sharing.get(port.port) ?? []), port])
  for (const port of ports) {
    if (port.nodePort) continue
    const twin = sharing.get(port.port)?.find((other) => other.protocol !== port.protocol && other.nodePort)
    port.nodePort = twin?.nodePort ?? Number(pools.take('nodePort'))
  }
}

type Claim = { pool: 'clusterIP' | 'nodePort'; value: string; field: string }

function claims(spec: ServiceSpec): Claim[] {
  const found: Claim[] = []
  if (needsClusterIP(spec)) {
    const addresses = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : []
    for (const value of addresses)
      if (value !== 'None') found.push({ pool: 'clusterIP', value, field: 'spec.clusterIPs' })
  }
  const seen = new Set<number>()
  if (needsNodePort(spec)) {
    for (const [i, port] of (spec.ports ?? []).entries()) {
      if (!port.nodePort || seen.has(port.nodePort)) continue
      seen.add(port.nodePort)
      found.push({ pool: 'nodePort', value: String(port.nodePort), field: `spec.ports[${i}].nodePort` })
    }
  }
  if (needsHealthCheckPort(spec) && spec.healthCheckNodePort) {
    found.push({ pool: 'nodePort', value: String(spec.healthCheckNodePort), field: 'spec.healthCheckNodePort' })
  }
  return found
}

function serviceRow(s: Service, now: number): string[] {
  const spec = s.spec ?? {}
  return [
    s.metadata.name ?? '',
    spec.type ?? '',
    spec.clusterIPs?.[0] || '<none>',
    externalIP(s),
    portsCell(spec.ports ?? []),
    since(s.metadata.creationTimestamp, now),
    formatLabels(spec.selector),
  ]
}

function externalIP({ spec = {}, status }: Service): string {
  const given = spec.externalIPs ?? []
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  if (spec.type !== 'LoadBalancer') return given.join(',') || '<none>'
  const ingress = (status?.loadBalancer?.ingress ?? [])
    .map((i) => i.ip || i.hostname || '')
    .filter((text) => text !== '')
  return [...new Set([...ingress].sort()), ...given].join(',') || '<pending>'
}

function portsCell(ports: readonly ServicePort[]): string {
  const cells = ports.map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`))
  return cells.join(',') || '<none>'
}
