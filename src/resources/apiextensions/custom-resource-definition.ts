/**
 * CustomResourceDefinition apiextensions.k8s.io/v1: there are none yet, and who asks for a list of them gets an empty one, as
 * kubectl does for each kind that it does not know. Who wants to make one is told that nothing would come of it.
 */
import type { KubernetesObject } from '../../api/object.ts'
import { forbidden } from '../../api/status.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'

export const customResourceDefinition: ResourceDeclaration = declare<KubernetesObject>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  status: 'owned',
  admit({ metadata }) {
    const why = 'ebb does not serve custom resources yet'
    throw forbidden({ group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' }, metadata.name ?? '', why)
  },
  row: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? ''],
})
