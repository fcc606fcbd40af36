/** CSIDriver storage.k8s.io/v1: what a storage driver can do. No driver runs here. */
import type { CSIDriver } from '../../api/types/storage-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const csiDriver: ResourceDeclaration<CSIDriver> = declare<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.CSIDriver',
  delete: { returnsObject: true },
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no storage drivers: nothing reads a CSIDriver')
  },
  /** pkg/apis/storage/v1/defaults.go */
  default(draft) {
    draft.spec ??= {}
    const { spec } = draft
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
  row: ({ metadata, spec }, now) => [
    metadata.name ?? '',
    spec?.attachRequired ?? true,
    spec?.podInfoOnMount ?? false,
    spec?.storageCapacity ?? false,
    spec?.tokenRequests?.map(({ audience }) => audience).join(',') || '<unset>',
    spec?.requiresRepublish ?? false,
    spec?.volumeLifecycleModes?.join(',') || '<none>',
    since(metadata.creationTimestamp, now),
  ],
})
