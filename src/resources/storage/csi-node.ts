/** CSINode storage.k8s.io/v1: the storage drivers of a node. No driver runs here. */
import type { CSINode } from '../../api/types/storage-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const csiNode: ResourceDeclaration<CSINode> = declare<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.CSINode',
  delete: { returnsObject: true },
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no storage drivers: nothing reads a CSINode')
  },
  row: ({ metadata, spec }, now) => [
    metadata.name ?? '',
    spec?.drivers?.length ?? 0,
    since(metadata.creationTimestamp, now),
  ],
})
