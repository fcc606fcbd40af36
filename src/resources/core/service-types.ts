/** What each type of Service needs, and what an update takes over from the old object or drops with the type. */
import type { Draft } from '../../api/object.ts'
import type { ServiceSpec } from '../../api/types/core-v1.gen.ts'
import { sameJson } from '../compare.ts'

type Spec = Pick<
  ServiceSpec,
  'type' | 'externalTrafficPolicy' | 'externalIPs' | 'clusterIP' | 'loadBalancerClass' | 'allocateLoadBalancerNodePorts'
>

export const needsClusterIP = (spec: Spec): boolean =>
  spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer'

export const needsNodePort = (spec: Spec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer'

export const needsHealthCheckPort = (spec: Spec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** Reachable from outside of the cluster: then externalTrafficPolicy means something. */
export const needsExternalPolicy = (spec: Spec): boolean =>
  needsNodePort(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)

/**
 * Completes an update from what was allocated before, and drops what only the old type had, unless the client changed it itself.
 * A client that sends an object without its cluster IP or node ports does not mean to lose them.
 */
export function carryOver(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  keepAllocated(spec, old)
  alignAddresses(spec, old)
  if (needsClusterIP(old) && !needsClusterIP(spec)) dropAddresses(spec, old)
  if (needsNodePort(old) && !needsNodePort(spec)) dropNodePorts(spec, old)
  if (
    needsHealthCheckPort(old) &&
    !needsHealthCheckPort(spec) &&
    spec.healthCheckNodePort === old.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort
  }
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts
    if (spec.loadBalancerClass === old.loadBalancerClass) delete spec.loadBalancerClass
  }
  if (
    needsExternalPolicy(old) &&
    !needsExternalPolicy(spec) &&
    spec.externalTrafficPolicy === old.externalTrafficPolicy
  ) {
    delete spec.externalTrafficPolicy
  }
  if (
    spec.type === 'ExternalName' &&
    old.type !== 'ExternalName' &&
    spec.internalTrafficPolicy === old.internalTrafficPolicy
  ) {
    delete spec.internalTrafficPolicy
  }
}

function keepAllocated(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (needsClusterIP(old) && needsClusterIP(spec)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP
    if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP && old.clusterIPs)
      spec.clusterIPs = [...old.clusterIPs]
    if (!spec.ipFamilies?.length && old.ipFamilies) spec.ipFamilies = [...old.ipFamilies]
    spec.ipFamilyPolicy ??= old.ipFamilyPolicy as NonNullable<typeof spec.ipFamilyPolicy>
  }
  if (needsNodePort(old) && needsNodePort(spec)) {
    const ports = new Map((old.ports ?? []).map((p) => [`${p.protocol}/${p.port}`, p.nodePort]))
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue
      const before = ports.get(`${port.protocol}/${port.port}`)
      if (before) port.nodePort = before
    }
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(spec) && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort
  }
}

/** clusterIP is the first of clusterIPs; who changes only one of the two means both. */
function alignAddresses(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (spec.clusterIP === old.clusterIP || !sameJson(spec.clusterIPs, old.clusterIPs)) return
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP]
  else delete spec.clusterIPs
}

function dropAddresses(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (spec.clusterIP === old.clusterIP && sameJson(spec.clusterIPs, old.clusterIPs)) {
    delete spec.clusterIP
    delete spec.clusterIPs
  }
  if (sameJson(spec.ipFamilies, old.ipFamilies)) delete spec.ipFamilies
  if (spec.ipFamilyPolicy === old.ipFamilyPolicy) delete spec.ipFamilyPolicy
}

function dropNodePorts(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  const before = new Set((old.ports ?? []).map((p) => p.nodePort))
  const unchanged = (spec.ports ?? []).every((p) => !p.nodePort || before.has(p.nodePort))
  if (unchanged) for (const port of spec.ports ?? []) delete port.nodePort
}
