/** IPAddress networking.k8s.io/v1: who holds an address. Those of Services are kept without such objects here. */
import { type FieldError, invalid, required } from '../../api/field-error.ts'
import { pathSegmentErrors, subdomainErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { IPAddress } from '../../api/types/networking-v1.gen.ts'
import { INVALID_IP, ipVersion } from '../addresses.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'

export const ipAddress: ResourceDeclaration<IPAddress> = declare<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  definition: 'io.k8s.api.networking.v1.IPAddress',
  nameErrors: (name) => (ipVersion(name) ? [] : [INVALID_IP]),
  default(draft) {
    draft.spec ??= {} as Draft<IPAddress>['spec']
  },
  validate: addressErrors,
  warn(_, old, { warn }) {
    if (!old) warn('ebb keeps the addresses of Services without IPAddress objects: nothing reads this one')
  },
  row(address) {
    const { group, resource, namespace, name } = address.spec?.parentRef ?? {}
    const kind = group ? `${resource}.${group}` : (resource ?? '')
    return [address.metadata.name ?? '', [kind, namespace, name].filter(Boolean).join('/')]
  },
})

const PARENT = 'spec.parentRef'

function addressErrors({ spec }: IPAddress, old: IPAddress | undefined): FieldError[] {
  const parent = spec?.parentRef
  const errors: FieldError[] = []
  if (!parent) errors.push(required(PARENT))
  else {
    const { group, resource, namespace, name } = parent
    const check = (field: string, value: string | undefined, why: (text: string) => readonly string[]) => {
      for (const message of value ? why(value) : []) errors.push(invalid(`${PARENT}.${field}`, value, message))
    }
    check('group', group, subdomainErrors)
    if (!resource) errors.push(required(`${PARENT}.resource`))
    check('resource', resource, pathSegmentErrors)
    if (!name) errors.push(required(`${PARENT}.name`))
    check('name', name, pathSegmentErrors)
    check('namespace', namespace, pathSegmentErrors)
  }
  if (old && !sameJson(parent, old.spec.parentRef)) errors.push(invalid(PARENT, shown(parent), 'field is immutable'))
  return errors
}

function shown(parent: IPAddress['spec']['parentRef'] | undefined): unknown {
  if (!parent) return null
  const { group = '', resource = '', namespace = '', name = '' } = parent
  return { Group: group, Resource: resource, Namespace: namespace, Name: name }
}
