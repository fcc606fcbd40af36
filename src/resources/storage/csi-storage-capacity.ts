/** CSIStorageCapacity storage.k8s.io/v1: stored and shown. */
import { type FieldError, required } from '../../api/field-error.ts'
import type { CSIStorageCapacity } from '../../api/types/storage-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'

export const csiStorageCapacity: ResourceDeclaration<CSIStorageCapacity> = declare<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  definition: 'io.k8s.api.storage.v1.CSIStorageCapacity',
  validate: (object): FieldError[] => (object.storageClassName ? [] : [required('storageClassName')]),
  row: (c) => [c.metadata.name ?? '', c.metadata.creationTimestamp ?? ''],
})
