/** PersistentVolumeClaim v1. Its protection finalizer is left out as long as nothing here takes it away again. */
import { type FieldError, forbiddenField } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { goText } from '../go-form.ts'
import { unifiedDiff } from '../unified-diff.ts'
import { claimSpecErrors } from './claim-validation.ts'
import { accessModesCell } from './persistent-volume.ts'

export const persistentVolumeClaim: ResourceDeclaration<PersistentVolumeClaim> = declare<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.PersistentVolumeClaim',
  status: 'owned',
  emptyStatus: () => ({ phase: 'Pending' }),
  default(draft) {
    draft.spec ??= {}
    defaultClaimSpec(draft.spec)
  },
  validate: (object, old) => [...claimSpecErrors(object.spec ?? {}, 'spec'), ...(old ? changeErrors(object, old) : [])],
  row: claimRow,
  delete: { returnsObject: true },
})

export function defaultClaimSpec(spec: Draft<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= 'Filesystem'
  spec.resources ??= {}
}

/** A bound claim may ask for more room; nothing else changes. */
function changeErrors(object: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const before = old.spec ?? {}
  const after = { ...object.spec }
  if (!before.volumeName && after.volumeName) delete after.volumeName
  if (old.status?.phase === 'Bound') {
    if (before.resources) after.resources = before.resources
    if (before.volumeAttributesClassName) after.volumeAttributesClassName = before.volumeAttributesClassName
  }
  const diff = unifiedDiff(goText(before, 'ClaimSpec'), goText(after, 'ClaimSpec'))
  const why =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
  return diff ? [forbiddenField('spec', `${why}\n${diff}`)] : []
}

function claimRow(claim: PersistentVolumeClaim, now: number): string[] {
  const { spec = {}, status = {}, metadata } = claim
  const bound = Boolean(spec.volumeName)
  return [
    metadata.name ?? '',
    metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    spec.volumeName ?? '',
    bound ? (status.capacity?.storage ?? '') : '',
    bound ? accessModesCell(status.accessModes) : '',
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? '<unset>',
    since(metadata.creationTimestamp, now),
    spec.volumeMode ?? '<unset>',
  ]
}
