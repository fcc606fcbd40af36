/** CustomResourceDefinition apiextensions.k8s.io/v1. */
import type { ResourceDeclaration } from '../declaration.ts'
import { listedOnly } from '../listed-only.ts'

export const customResourceDefinition: ResourceDeclaration = listedOnly(
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    status: 'owned',
  },
  'ebb does not serve custom resources yet',
)
