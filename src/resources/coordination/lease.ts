/** Lease coordination.k8s.io/v1. */
import { type FieldError, invalid } from '../../api/field-error.ts'
import type { Lease } from '../../api/types/coordination-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const lease: ResourceDeclaration<Lease> = declare<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  definition: 'io.k8s.api.coordination.v1.Lease',
  createOnUpdate: true,
  unconditionalUpdate: false,
  default(draft) {
    draft.spec ??= {}
  },
  validate: (object) => leaseErrors(object),
  row: (l, now) => [l.metadata.name ?? '', l.spec?.holderIdentity ?? '', since(l.metadata.creationTimestamp, now)],
})

function leaseErrors({ spec }: Lease): FieldError[] {
  const errors: FieldError[] = []
  const { leaseDurationSeconds, leaseTransitions } = spec ?? {}
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(invalid('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'))
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    errors.push(invalid('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0'))
  }
  if (spec?.strategy && !spec.strategy.includes('/') && spec.strategy !== 'OldestEmulationVersion') {
    errors.push(invalid('spec.strategy', spec.strategy, 'must be a known strategy or a qualified name'))
  }
  return errors
}
