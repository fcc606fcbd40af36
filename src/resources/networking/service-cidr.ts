/** ServiceCIDR networking.k8s.io/v1: where addresses of Services come from. There is one network of them here, whatever is stored. */
import { type FieldError, invalid, required } from '../../api/field-error.ts'
import type { ServiceCIDR } from '../../api/types/networking-v1.gen.ts'
import { cidrErrors, ipVersion } from '../addresses.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

const CIDRS = 'spec.cidrs'

export const serviceCidr: ResourceDeclaration<ServiceCIDR> = declare<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  definition: 'io.k8s.api.networking.v1.ServiceCIDR',
  status: 'owned',
  default(draft) {
    draft.spec ??= {}
  },
  validate: rangeErrors,
  warn(_, old, { warn }) {
    if (!old) warn('ebb takes the addresses of Services from 10.96.0.0/16: nothing reads this ServiceCIDR')
  },
  row: (c, now) => [c.metadata.name ?? '', (c.spec?.cidrs ?? []).join(','), since(c.metadata.creationTimestamp, now)],
})

function rangeErrors({ spec }: ServiceCIDR, old: ServiceCIDR | undefined): FieldError[] {
  const cidrs = spec?.cidrs ?? []
  if (old && !sameJson(cidrs, old.spec?.cidrs)) return [invalid(CIDRS, cidrs, 'field is immutable')]
  if (old) return []
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')]
  const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
  const families = cidrs.map((cidr) => ipVersion(cidr.split('/')[0] ?? ''))
  const doubled = cidrs.length > 1 && new Set(families).size < cidrs.length
  return [
    ...(doubled ? [invalid(CIDRS, cidrs, why)] : []),
    ...cidrs.flatMap((cidr, i) => cidrErrors(cidr).map((message) => invalid(`${CIDRS}[${i}]`, cidr, message))),
  ]
}
