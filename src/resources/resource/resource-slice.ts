/** ResourceSlice resource.k8s.io/v1: devices that a driver offers. No driver runs here. */
import type { ResourceSlice } from '../../api/types/resource-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const resourceSlice: ResourceDeclaration<ResourceSlice> = declare<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.ResourceSlice',
  delete: { returnsObject: true },
  fields: { 'spec.driver': ({ spec }) => spec?.driver ?? '', 'spec.nodeName': ({ spec }) => spec?.nodeName ?? '' },
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no device drivers: nothing reads a ResourceSlice')
  },
  row: ({ metadata, spec }, now) => [
    metadata.name ?? '',
    spec?.nodeName || '<unset>',
    spec?.driver ?? '',
    spec?.pool?.name ?? '',
    since(metadata.creationTimestamp, now),
  ],
})
