/** ServiceAccount v1. */
import type { ServiceAccount } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const serviceAccount: ResourceDeclaration<ServiceAccount> = declare<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.ServiceAccount',
  row: (s, now) => [s.metadata.name ?? '', since(s.metadata.creationTimestamp, now)],
  actions: [
    {
      name: 'token',
      handler: 'token',
      kind: 'TokenRequest',
      group: 'authentication.k8s.io',
      version: 'v1',
      verbs: ['create'],
    },
  ],
  delete: { returnsObject: true },
})
