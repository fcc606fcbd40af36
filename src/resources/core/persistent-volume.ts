/** PersistentVolume v1. Its protection finalizer is left out as long as nothing here takes it away again. */
import { type FieldError, forbiddenField, notSupported, required } from '../../api/field-error.ts'
import type { PersistentVolume, PersistentVolumeSpec } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { goText } from '../go-form.ts'
import { unifiedDiff } from '../unified-diff.ts'

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const SHORT: readonly (readonly [mode: string, short: string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]
/** Members of a spec that are no volume source. */
const COMMON = [
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]

export const persistentVolume: ResourceDeclaration<PersistentVolume> = declare<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  definition: 'io.k8s.api.core.v1.PersistentVolume',
  status: 'owned',
  default(draft) {
    draft.spec ??= {}
    draft.spec.persistentVolumeReclaimPolicy ||= 'Retain'
    draft.spec.volumeMode ??= 'Filesystem'
    if (draft.spec.hostPath) draft.spec.hostPath.type ??= ''
  },
  prepare(draft, old, context) {
    if (!old) draft.status = { phase: 'Pending', lastPhaseTransitionTime: context.now }
  },
  validate: (object, old) => [...specErrors(object.spec ?? {}), ...(old ? sourceErrors(object, old) : [])],
  row: volumeRow,
  delete: { returnsObject: true },
})

function specErrors(spec: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = []
  const modes = spec.accessModes ?? []
  if (modes.length === 0) errors.push(required('spec.accessModes'))
  for (const mode of modes) {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported('spec.accessModes', mode, ACCESS_MODES))
  }
  const capacity = Object.keys(spec.capacity ?? {})
  if (capacity.length === 0) errors.push(required('spec.capacity'))
  if (capacity.length !== 1 || capacity[0] !== 'storage') {
    errors.push(notSupported('spec.capacity', spec.capacity ?? null, ['storage']))
  }
  if (!Object.keys(spec).some((key) => !COMMON.includes(key))) {
    errors.push(required('spec', 'must specify a volume type'))
  }
  return errors
}

/** Where the data is does not change. */
function sourceErrors(object: PersistentVolume, old: PersistentVolume): FieldError[] {
  const before = goText(old.spec ?? {}, 'VolumeSource')
  const diff = unifiedDiff(before, goText(object.spec ?? {}, 'VolumeSource'))
  if (!diff) return []
  const field = 'spec.persistentvolumesource'
  return [forbiddenField(field, `${field} is immutable after creation\n${diff}`)]
}

/** `RWO,ROX`, in the order of the table above, each once. */
export function accessModesCell(modes: readonly string[] | undefined): string {
  return SHORT.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',')
}

function volumeRow({ spec = {}, status = {}, metadata }: PersistentVolume, now: number): string[] {
  const claim = spec.claimRef
  return [
    metadata.name ?? '',
    spec.capacity?.storage ?? '',
    accessModesCell(spec.accessModes),
    spec.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    claim ? `${claim.namespace}/${claim.name}` : '',
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? '<unset>',
    status.reason ?? '',
    since(metadata.creationTimestamp, now),
    spec.volumeMode ?? '<unset>',
  ]
}
