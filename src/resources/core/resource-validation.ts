/** Rules of a container's requests and limits. */

import { type FieldError, invalid, required } from '../../api/field-error.ts'
import { qualifiedNameErrors } from '../../api/names.ts'
import { canonicalQuantity, compareQuantities, parseQuantity } from '../../api/quantity.ts'
import type { ResourceRequirements } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'

const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage'])
/** Names without a domain that mean something elsewhere, in quotas. */
const STANDARD_RESOURCES = new Set([
  ...CONTAINER_RESOURCES,
  'storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'requests.storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'services.nodeports',
  'services.loadbalancers',
])

export function resourcesErrors(resources: ResourceRequirements, field: string, errors: FieldError[]): void {
  const { limits, requests } = resources
  for (const name in limits) {
    nameErrors(name, `${field}.limits[${name}]`, errors)
    valueErrors(name, own(limits, name) ?? '0', `${field}.limits[${name}]`, errors)
  }
  for (const name in requests) {
    const request = own(requests, name) ?? '0'
    nameErrors(name, `${field}.requests[${name}]`, errors)
    valueErrors(name, request, `${field}.requests[${name}]`, errors)
    limitErrors(name, request, own(limits, name), { field, errors })
  }
}

function limitErrors(
  name: string,
  request: string,
  limit: string | undefined,
  { field, errors }: { field: string; errors: FieldError[] },
): void {
  const elastic = isNative(name) && !name.startsWith('hugepages-')
  if (limit === undefined) {
    if (!elastic) errors.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'))
    return
  }
  if (request === limit) return
  const order = compareQuantities(request, limit)
  const rule = elastic ? 'less than or equal to' : 'equal to'
  if (elastic ? order > 0 : order !== 0) {
    errors.push(invalid(`${field}.requests`, canonicalQuantity(request), `must be ${rule} ${name} limit of ${limit}`))
  }
}

function isNative(name: string): boolean {
  return !name.includes('/') || /(^|[./])kubernetes\.io\//.test(name)
}

function nameErrors(name: string, field: string, errors: FieldError[]): void {
  if (CONTAINER_RESOURCES.has(name)) return
  const messages = qualifiedNameErrors(name)
  for (const message of messages) errors.push(invalid(field, name, message))
  if (!name.includes('/')) {
    if (name.startsWith('hugepages-')) return
    if (messages.length === 0 && !STANDARD_RESOURCES.has(name)) {
      errors.push(invalid(field, name, 'must be a standard resource type or fully qualified'))
    }
    errors.push(invalid(field, name, 'must be a standard resource for containers'))
  } else if (!isNative(name) && (name.startsWith('requests.') || messages.length > 0)) {
    errors.push(invalid(field, name, "doesn't follow extended resource name standard"))
  }
}

const NANOS = 1_000_000_000n

function valueErrors(name: string, value: string, field: string, errors: FieldError[]): void {
  if (value.startsWith('-')) errors.push(invalid(field, value, 'must be greater than or equal to 0'))
  // Extended resources are counted in whole pieces.
  if (isNative(name)) return
  if (/^[0-9]+$/.test(value)) return
  if (BigInt(parseQuantity(value).nanos) % NANOS !== 0n) errors.push(invalid(field, value, 'must be an integer'))
}
