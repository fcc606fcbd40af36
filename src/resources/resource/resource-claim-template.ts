/** ResourceClaimTemplate resource.k8s.io/v1: stored and shown; no device is allocated. */
import type { ResourceClaimTemplate } from '../../api/types/resource-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const resourceClaimTemplate: ResourceDeclaration<ResourceClaimTemplate> = declare<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  namespaced: true,
  delete: { returnsObject: true },
  definition: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
  row: (t, now) => [t.metadata.name ?? '', since(t.metadata.creationTimestamp, now)],
})
