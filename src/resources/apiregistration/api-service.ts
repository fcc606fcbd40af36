/** APIService apiregistration.k8s.io/v1. */
import type { ResourceDeclaration } from '../declaration.ts'
import { listedOnly } from '../listed-only.ts'

export const apiService: ResourceDeclaration = listedOnly(
  {
    group: 'apiregistration.k8s.io',
    version: 'v1',
    kind: 'APIService',
    plural: 'apiservices',
    definition: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
    status: 'owned',
  },
  'ebb passes nothing on to API servers of others yet',
)
