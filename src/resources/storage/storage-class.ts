/** StorageClass storage.k8s.io/v1. */
import { type FieldError, forbiddenField, notSupported, required } from '../../api/field-error.ts'
import type { StorageClass } from '../../api/types/storage-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer']
const FIXED = ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'] as const

export const storageClass: ResourceDeclaration<StorageClass> = declare<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.StorageClass',
  default(draft) {
    draft.reclaimPolicy ??= 'Delete'
    draft.volumeBindingMode ??= 'Immediate'
  },
  delete: { returnsObject: true },
  validate: classErrors,
  row(s, now) {
    const standard = DEFAULT_CLASS.some((key) => s.metadata.annotations?.[key] === 'true')
    return [
      `${s.metadata.name}${standard ? ' (default)' : ''}`,
      s.provisioner ?? '',
      s.reclaimPolicy ?? '',
      s.volumeBindingMode ?? '',
      s.allowVolumeExpansion ?? false,
      since(s.metadata.creationTimestamp, now),
    ]
  },
})

function classErrors(object: StorageClass, old: StorageClass | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!object.provisioner) errors.push(required('provisioner'))
  if (!BINDING_MODES.includes(object.volumeBindingMode ?? '')) {
    errors.push(notSupported('volumeBindingMode', object.volumeBindingMode ?? '', BINDING_MODES))
  }
  if (!old) return errors
  for (const key of FIXED) {
    if (!sameJson(object[key], old[key])) errors.push(forbiddenField(key, `updates to ${key} are forbidden.`))
  }
  return errors
}
