/** Endpoints v1: deprecated, still written for every Service with a selector. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors, qualifiedNameErrors, subdomainErrors } from '../../api/names.ts'
import type { EndpointAddress, EndpointSubset, Endpoints } from '../../api/types/core-v1.gen.ts'
import { INVALID_IP, ipVersion, specialAddressError } from '../addresses.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { shortList, since } from '../format.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

export const endpoints: ResourceDeclaration<Endpoints> = declare<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  singular: 'endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  definition: 'io.k8s.api.core.v1.Endpoints',
  createOnUpdate: true,
  default(draft) {
    for (const subset of draft.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP'
  },
  validate: (object) => (object.subsets ?? []).flatMap((subset, i) => subsetErrors(subset, `subsets[${i}]`)),
  row: (e, now) => [e.metadata.name ?? '', endpointsCell(e), since(e.metadata.creationTimestamp, now)],
})

function subsetErrors(subset: EndpointSubset, field: string): FieldError[] {
  const errors: FieldError[] = []
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset
  if (addresses.length + notReadyAddresses.length === 0) {
    errors.push(required(field, 'must specify `addresses` or `notReadyAddresses`'))
  }
  addressListErrors(addresses, `${field}.addresses`, errors)
  addressListErrors(notReadyAddresses, `${field}.notReadyAddresses`, errors)
  for (const [i, port] of ports.entries()) {
    const at = `${field}.ports[${i}]`
    if (ports.length > 1 && !port.name) errors.push(required(`${at}.name`))
    else if (port.name) for (const m of labelNameErrors(port.name)) errors.push(invalid(`${at}.name`, port.name, m))
    if (port.port < 1 || port.port > 65_535) {
      errors.push(invalid(`${at}.port`, port.port, 'must be between 1 and 65535, inclusive'))
    }
    if (!PROTOCOLS.includes(port.protocol ?? ''))
      errors.push(notSupported(`${at}.protocol`, port.protocol ?? '', PROTOCOLS))
    if (port.appProtocol)
      for (const message of qualifiedNameErrors(port.appProtocol))
        errors.push(invalid(`${at}.appProtocol`, port.appProtocol, message))
  }
  return errors
}

function addressListErrors(addresses: readonly EndpointAddress[], field: string, errors: FieldError[]): void {
  for (const [i, { ip, hostname, nodeName }] of addresses.entries()) {
    const special = ipVersion(ip) ? specialAddressError(ip) : INVALID_IP
    if (special) errors.push(invalid(`${field}[${i}].ip`, ip, special))
    if (hostname) {
      for (const message of labelNameErrors(hostname))
        errors.push(invalid(`${field}[${i}].hostname`, hostname, message))
    }
    if (nodeName)
      for (const message of subdomainErrors(nodeName))
        errors.push(invalid(`${field}[${i}].nodeName`, nodeName, message))
  }
}

function endpointsCell({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>'
  const shown: string[] = []
  for (const { addresses = [], ports = [] } of subsets) {
    if (ports.length === 0) for (const { ip } of addresses) shown.push(ip)
    for (const { port } of ports) {
      for (const { ip } of addresses) shown.push(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)
    }
  }
  return shortList(shown, 3)
}
