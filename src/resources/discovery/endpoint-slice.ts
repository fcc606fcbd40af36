/** EndpointSlice discovery.k8s.io/v1. */
import { duplicate, type FieldError, invalid, notSupported, required, tooMany } from '../../api/field-error.ts'
import { labelNameErrors, qualifiedNameErrors, subdomainErrors } from '../../api/names.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { ipVersion, specialAddressError } from '../addresses.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { shortList, since } from '../format.ts'

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100
const PORTS_MAX = 20_000

export const endpointSlice: ResourceDeclaration<EndpointSlice> = declare<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  definition: 'io.k8s.api.discovery.v1.EndpointSlice',
  generation: 'spec',
  default(draft) {
    for (const port of draft.ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
    for (const endpoint of draft.endpoints ?? []) endpoint.conditions ??= {}
  },
  prepare(draft, old) {
    if (old && !sameJson(draft.metadata.labels, old.metadata.labels)) {
      draft.metadata.generation = (old.metadata.generation ?? 0) + 1
    }
  },
  validate(object, old) {
    const errors = sliceErrors(object)
    if (old && object.addressType !== old.addressType) {
      errors.push(invalid('addressType', object.addressType, 'field is immutable'))
    }
    return errors
  },
  row: (s, now) => [
    s.metadata.name ?? '',
    s.addressType,
    shortList(
      (s.ports ?? []).map((p) => (p.port !== undefined ? String(p.port) : p.name || '*')),
      3,
    ) || '<unset>',
    shortList(
      (s.endpoints ?? []).flatMap((e) => e.addresses ?? []),
      3,
    ) || '<unset>',
    since(s.metadata.creationTimestamp, now),
  ],
})

function sliceErrors(slice: EndpointSlice): FieldError[] {
  const errors: FieldError[] = []
  if (!slice.addressType) errors.push(required('addressType'))
  else if (!ADDRESS_TYPES.includes(slice.addressType)) {
    errors.push(notSupported('addressType', slice.addressType, ADDRESS_TYPES))
  }
  const endpoints = slice.endpoints ?? []
  if (endpoints.length > ENDPOINTS_MAX) errors.push(tooMany('endpoints', endpoints.length, ENDPOINTS_MAX))
  else
    for (const [i, endpoint] of endpoints.entries())
      endpointErrors(endpoint, slice.addressType, `endpoints[${i}]`, errors)
  portsErrors(slice.ports ?? [], errors)
  return errors
}

function endpointErrors(endpoint: Endpoint, type: string, field: string, errors: FieldError[]): void {
  const addresses = endpoint.addresses ?? []
  if (addresses.length === 0) errors.push(required(`${field}.addresses`, 'must contain at least 1 address'))
  else if (addresses.length > ADDRESSES_MAX) errors.push(tooMany(`${field}.addresses`, addresses.length, ADDRESSES_MAX))
  for (const [i, address] of addresses.entries()) {
    for (const message of addressErrors(address, type))
      errors.push(invalid(`${field}.addresses[${i}]`, address, message))
  }
  if (endpoint.hostname) {
    for (const message of labelNameErrors(endpoint.hostname)) {
      errors.push(invalid(`${field}.hostname`, endpoint.hostname, message))
    }
  }
  if (endpoint.nodeName) {
    for (const message of subdomainErrors(endpoint.nodeName)) {
      errors.push(invalid(`${field}.nodeName`, endpoint.nodeName, message))
    }
  }
}

function addressErrors(address: string, type: string): readonly string[] {
  if (type === 'FQDN') return subdomainErrors(address.endsWith('.') ? address.slice(0, -1) : address)
  if (type !== 'IPv4' && type !== 'IPv6') return []
  if (ipVersion(address) !== (type === 'IPv4' ? 4 : 6)) return [`must be a valid ${type} address`]
  const special = specialAddressError(address)
  return special ? [special] : []
}

function portsErrors(ports: readonly EndpointPort[], errors: FieldError[]): void {
  if (ports.length > PORTS_MAX) return void errors.push(tooMany('ports', ports.length, PORTS_MAX))
  const names = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const name = port.name ?? ''
    if (name) for (const message of labelNameErrors(name)) errors.push(invalid(`ports[${i}].name`, name, message))
    if (names.has(name)) errors.push(duplicate(`ports[${i}].name`, name))
    names.add(name)
    if (!port.protocol) errors.push(required(`ports[${i}].protocol`))
    else if (!PROTOCOLS.includes(port.protocol)) {
      errors.push(notSupported(`ports[${i}].protocol`, port.protocol, PROTOCOLS))
    }
    if (port.appProtocol)
      for (const message of qualifiedNameErrors(port.appProtocol))
        errors.push(invalid(`ports[${i}].appProtocol`, port.appProtocol, message))
  }
}
