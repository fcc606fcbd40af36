/** VolumeAttachment storage.k8s.io/v1: that a driver is to attach a volume to a node. No driver runs here. */
import type { VolumeAttachment } from '../../api/types/storage-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const volumeAttachment: ResourceDeclaration<VolumeAttachment> = declare<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.VolumeAttachment',
  delete: { returnsObject: true },
  status: 'owned',
  emptyStatus: () => ({ attached: false }),
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no storage drivers: nothing reads a VolumeAttachment')
  },
  row: ({ metadata, spec, status }, now) => [
    metadata.name ?? '',
    spec?.attacher ?? '',
    spec?.source?.persistentVolumeName ?? '',
    spec?.nodeName ?? '',
    status?.attached ?? false,
    since(metadata.creationTimestamp, now),
  ],
})
