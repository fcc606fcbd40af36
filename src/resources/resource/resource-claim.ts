/** ResourceClaim resource.k8s.io/v1: stored and shown; no device is allocated. */
import type { ResourceClaim } from '../../api/types/resource-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const resourceClaim: ResourceDeclaration<ResourceClaim> = declare<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  namespaced: true,
  delete: { returnsObject: true },
  definition: 'io.k8s.api.resource.v1.ResourceClaim',
  status: 'owned',
  row: (c, now) => [c.metadata.name ?? '', state(c), since(c.metadata.creationTimestamp, now)],
})

function state({ metadata, status }: ResourceClaim): string {
  const words: string[] = []
  if (metadata.deletionTimestamp) words.push('deleted')
  if (status?.allocation) words.push('allocated')
  if (status?.reservedFor?.length) words.push('reserved')
  return words.length === 0 ? 'pending' : words.join(',')
}
