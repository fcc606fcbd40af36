/** Rules of a Service's fields, with Kubernetes' messages. */
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import {
  labelNameErrors,
  labelValueErrors,
  portNameErrors,
  qualifiedNameErrors,
  subdomainErrors,
} from '../../api/names.ts'
import type { Service, ServicePort, ServiceSpec } from '../../api/types/core-v1.gen.ts'
import { cidrErrors, INVALID_IP, ipVersion, specialAddressError } from '../addresses.ts'
import { needsExternalPolicy, needsHealthCheckPort } from './service-types.ts'

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const POLICIES = ['Cluster', 'Local']
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
const IP_MODES = ['Proxy', 'VIP']
const AFFINITY_SECONDS_MAX = 86_400

export function serviceErrors({ spec = {} }: Service): FieldError[] {
  const errors: FieldError[] = []
  if (!TYPES.includes(spec.type ?? '')) errors.push(notSupported('spec.type', spec.type ?? '', TYPES))
  portListErrors(spec, errors)
  selectorErrors(spec, errors)
  affinityErrors(spec, errors)
  if (spec.type === 'ExternalName') externalNameErrors(spec, errors)
  else if (TYPES.includes(spec.type ?? '')) clusterAddressErrors(spec, errors)
  externalErrors(spec, errors)
  policyErrors(spec, errors)
  balancerErrors(spec, errors)
  return errors
}

/** What only a load balancer has, and how traffic is spread. */
function balancerErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const only = "may only be used when `type` is 'LoadBalancer'"
  const balanced = spec.type === 'LoadBalancer'
  const { allocateLoadBalancerNodePorts: allocates, loadBalancerClass: name, trafficDistribution: spread } = spec
  if (allocates !== undefined && !balanced) errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', only))
  if (name !== undefined && !balanced) errors.push(forbiddenField('spec.loadBalancerClass', only))
  else if (name !== undefined)
    for (const message of qualifiedNameErrors(name)) errors.push(invalid('spec.loadBalancerClass', name, message))
  if (spread !== undefined && !DISTRIBUTIONS.includes(spread))
    errors.push(notSupported('spec.trafficDistribution', spread, DISTRIBUTIONS))
}

/** PUT and PATCH of services/status. */
export function serviceStatusErrors({ spec = {}, status }: Service): FieldError[] {
  const ingress = status?.loadBalancer?.ingress ?? []
  const field = 'status.loadBalancer.ingress'
  if (ingress.length > 0 && spec.type !== 'LoadBalancer')
    return [forbiddenField(field, "may only be used when `spec.type` is 'LoadBalancer'")]
  const errors: FieldError[] = []
  for (const [i, { ip, ipMode, hostname }] of ingress.entries()) {
    const at = `${field}[${i}]`
    if (ip && !ipVersion(ip)) errors.push(invalid(`${at}.ip`, ip, INVALID_IP))
    if (ipMode !== undefined && !ip)
      errors.push(forbiddenField(`${at}.ipMode`, 'may not be specified when `ip` is not set'))
    else if (ipMode !== undefined && !IP_MODES.includes(ipMode))
      errors.push(notSupported(`${at}.ipMode`, ipMode, IP_MODES))
    if (!hostname) continue
    for (const message of subdomainErrors(hostname)) errors.push(invalid(`${at}.hostname`, hostname, message))
    if (ipVersion(hostname)) errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'))
  }
  return errors
}

function portListErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const ports = spec.ports ?? []
  const headless = spec.clusterIP === 'None'
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') errors.push(required('spec.ports'))
  const names = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const field = `spec.ports[${i}]`
    portErrors(port, field, ports.length > 1, errors)
    if (port.name) {
      if (names.has(port.name)) errors.push(duplicate(`${field}.name`, port.name))
      names.add(port.name)
    }
  }
  duplicateNodePortErrors(ports, errors)
  duplicatePortErrors(ports, errors)
  if (spec.type === 'ClusterIP') {
    for (const [i, port] of ports.entries()) {
      if (port.nodePort) {
        errors.push(forbiddenField(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"))
      }
    }
  }
}

function portErrors(port: ServicePort, field: string, named: boolean, errors: FieldError[]): void {
  if (named && !port.name) errors.push(required(`${field}.name`))
  else if (port.name) {
    for (const message of labelNameErrors(port.name)) errors.push(invalid(`${field}.name`, port.name, message))
  }
  portNumberErrors(`${field}.port`, port.port ?? 0, errors)
  if (!port.protocol) errors.push(required(`${field}.protocol`))
  else if (!PROTOCOLS.includes(port.protocol)) errors.push(notSupported(`${field}.protocol`, port.protocol, PROTOCOLS))
  targetPortErrors(`${field}.targetPort`, port.targetPort ?? 0, errors)
  if (port.appProtocol) {
    for (const message of qualifiedNameErrors(port.appProtocol)) {
      errors.push(invalid(`${field}.appProtocol`, port.appProtocol, message))
    }
  }
}

function portNumberErrors(field: string, value: number, errors: FieldError[]): void {
  if (value < 1 || value > 65_535) errors.push(invalid(field, value, 'must be between 1 and 65535, inclusive'))
}

function targetPortErrors(field: string, value: number | string, errors: FieldError[]): void {
  if (typeof value === 'number') portNumberErrors(field, value, errors)
  else for (const message of portNameErrors(value)) errors.push(invalid(field, value, message))
}

function duplicatePortErrors(ports: readonly ServicePort[], errors: FieldError[]): void {
  const seen = new Set<string>()
  for (const [i, { protocol, port }] of ports.entries()) {
    const key = `${protocol}/${port}`
    // Compared by protocol and port alone: that is how the message shows them too, with Go's names.
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
    if (seen.has(key)) errors.push(duplicate(`spec.ports[${i}]`, shown))
    seen.add(key)
  }
}

function duplicateNodePortErrors(ports: readonly ServicePort[], errors: FieldError[]): void {
  const seen = new Set<string>()
  for (const [i, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue
    const key = `${protocol}/${nodePort}`
    if (seen.has(key)) errors.push(duplicate(`spec.ports[${i}].nodePort`, nodePort))
    seen.add(key)
  }
}

function selectorErrors({ selector }: ServiceSpec, errors: FieldError[]): void {
  for (const key in selector) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid('spec.selector', key, message))
    const value = selector[key] ?? ''
    for (const message of labelValueErrors(value)) errors.push(invalid('spec.selector', value, message))
  }
}

function affinityErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const { sessionAffinity } = spec
  if (!sessionAffinity) errors.push(required('spec.sessionAffinity'))
  else if (sessionAffinity !== 'ClientIP' && sessionAffinity !== 'None') {
    errors.push(notSupported('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']))
  }
  if (sessionAffinity !== 'ClientIP') return
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0
  if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX) {
    errors.push(
      invalid(
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        seconds,
        `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`,
      ),
    )
  }
}

function clusterAddressErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const addresses = spec.clusterIPs ?? []
  const first = addresses[0]
  alignmentErrors(spec, errors)
  if (first === 'None' && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) {
    errors.push(invalid('spec.clusterIPs[0]', first, `may not be set to 'None' for ${spec.type} services`))
  }
  for (const [i, address] of addresses.entries()) {
    if (address === 'None') {
      if (addresses.length > 1)
        errors.push(invalid(`spec.clusterIPs[${i}]`, addresses, "'None' must be the first and only value"))
    } else if (!ipVersion(address)) errors.push(invalid(`spec.clusterIPs[${i}]`, address, INVALID_IP))
  }
  familyErrors(spec, errors)
}

/** One address is said twice, and the cluster gives one at most. */
function alignmentErrors({ clusterIP = '', clusterIPs = [] }: ServiceSpec, errors: FieldError[]): void {
  const field = 'spec.clusterIPs'
  if (clusterIP === '') {
    if (clusterIPs.length > 0)
      errors.push(invalid(field, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  } else if (clusterIPs.length === 0) errors.push(required(field))
  else if (clusterIPs[0] !== clusterIP) errors.push(invalid(field, clusterIPs, 'first value must match `clusterIP`'))
  if (clusterIPs.length > 2) errors.push(invalid(field, clusterIPs, 'may only hold up to 2 values'))
}

/** The cluster has IPv4 only. */
function familyErrors({ ipFamilies, ipFamilyPolicy }: ServiceSpec, errors: FieldError[]): void {
  const seen = new Set<string>()
  for (const [i, family] of (ipFamilies ?? []).entries()) {
    const field = `spec.ipFamilies[${i}]`
    if (family === 'IPv6') errors.push(invalid(field, family, 'not configured on this cluster'))
    else if (family !== 'IPv4') errors.push(notSupported(field, family, ['IPv4', 'IPv6']))
    if (seen.has(family)) errors.push(duplicate(field, family))
    seen.add(family)
  }
  if (ipFamilyPolicy !== undefined && !FAMILY_POLICIES.includes(ipFamilyPolicy))
    errors.push(notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, FAMILY_POLICIES))
  if (ipFamilyPolicy === 'RequireDualStack') {
    errors.push(
      invalid('spec.ipFamilyPolicy', ipFamilyPolicy, 'this cluster is not configured for dual-stack services'),
    )
  }
}

function externalNameErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const never = 'may not be set for ExternalName services'
  if (spec.clusterIP || spec.clusterIPs?.length) errors.push(forbiddenField('spec.clusterIPs', never))
  if (spec.ipFamilies?.length) errors.push(forbiddenField('spec.ipFamilies', never))
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbiddenField('spec.ipFamilyPolicy', never))
  if (!spec.externalName) return void errors.push(required('spec.externalName'))
  const name = spec.externalName.endsWith('.') ? spec.externalName.slice(0, -1) : spec.externalName
  for (const message of subdomainErrors(name)) errors.push(invalid('spec.externalName', spec.externalName, message))
}

function externalErrors(spec: ServiceSpec, errors: FieldError[]): void {
  for (const [i, address] of (spec.externalIPs ?? []).entries()) {
    const field = `spec.externalIPs[${i}]`
    const special = ipVersion(address) ? specialAddressError(address) : INVALID_IP
    if (special) errors.push(invalid(field, address, special))
  }
  if (spec.loadBalancerSourceRanges?.length) sourceRangeErrors(spec, errors)
}

function sourceRangeErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const field = 'spec.LoadBalancerSourceRanges'
  if (spec.type !== 'LoadBalancer') errors.push(forbiddenField(field, "may only be used when `type` is 'LoadBalancer'"))
  for (const [i, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    for (const message of cidrErrors(range.trim())) errors.push(invalid(`${field}[${i}]`, range, message))
  }
}

function policyErrors(spec: ServiceSpec, errors: FieldError[]): void {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal } = spec
  if (external && !needsExternalPolicy(spec)) {
    errors.push(invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'))
  } else if (external && !POLICIES.includes(external)) {
    errors.push(notSupported('spec.externalTrafficPolicy', external, POLICIES))
  }
  if (internal && !POLICIES.includes(internal))
    errors.push(notSupported('spec.internalTrafficPolicy', internal, POLICIES))
  if (spec.healthCheckNodePort && !needsHealthCheckPort(spec)) {
    errors.push(
      invalid(
        'spec.healthCheckNodePort',
        spec.healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    )
  }
}

/** A cluster IP stays as long as the type needs one; so do a load balancer's class and health check. */
export function serviceUpdateErrors(object: Service, old: Service): FieldError[] {
  const spec = object.spec ?? {}
  const before = old.spec ?? {}
  const errors: FieldError[] = []
  const first = before.clusterIPs?.[0] ?? ''
  const named = spec.type === 'ExternalName' || before.type === 'ExternalName'
  if (!named && first !== '' && first !== (spec.clusterIPs?.[0] ?? ''))
    errors.push(invalid('spec.clusterIPs[0]', spec.clusterIPs ?? null, 'may not change once set'))
  const balanced = spec.type === 'LoadBalancer' && before.type === 'LoadBalancer'
  if (balanced && spec.loadBalancerClass !== before.loadBalancerClass)
    errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'))
  const checked = needsHealthCheckPort(before) && needsHealthCheckPort(spec)
  if (checked && spec.healthCheckNodePort !== before.healthCheckNodePort)
    errors.push(forbiddenField('spec.healthCheckNodePort', 'field is immutable'))
  return errors
}
