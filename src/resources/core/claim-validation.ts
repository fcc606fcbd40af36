/** Rules of a claim's spec: of claims themselves, and of templates that claims are made from. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors, subdomainErrors } from '../../api/names.ts'
import { parseQuantity } from '../../api/quantity.ts'
import type { PersistentVolumeClaimSpec, TypedObjectReference } from '../../api/types/core-v1.gen.ts'
import { labelSelectorErrors } from '../label-selector.ts'
import { ACCESS_MODES } from './persistent-volume.ts'

const VOLUME_MODES = ['Block', 'Filesystem']

export function claimSpecErrors(spec: PersistentVolumeClaimSpec, field: string): FieldError[] {
  const errors: FieldError[] = []
  const modes = spec.accessModes ?? []
  if (modes.length === 0) errors.push(required(`${field}.accessModes`, 'at least 1 access mode is required'))
  if (spec.selector) errors.push(...labelSelectorErrors(`${field}.selector`, spec.selector))
  for (const mode of modes) {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(`${field}.accessModes`, mode, ACCESS_MODES))
  }
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    const why = 'may not use ReadWriteOncePod with other access modes'
    errors.push(forbiddenField(`${field}.accessModes`, why))
  }
  const storage = spec.resources?.requests?.storage
  if (!storage) errors.push(required(`${field}.resources[storage]`))
  else if (parseQuantity(storage).nanos <= 0n)
    errors.push(invalid(`${field}.resources[storage]`, storage, 'must be greater than zero'))
  for (const key of ['storageClassName', 'volumeAttributesClassName'] as const) {
    const name = spec[key]
    if (name) for (const why of subdomainErrors(name)) errors.push(invalid(`${field}.${key}`, name, why))
  }
  const mode = spec.volumeMode
  if (mode !== undefined && !VOLUME_MODES.includes(mode))
    errors.push(notSupported(`${field}.volumeMode`, mode, VOLUME_MODES))
  if (spec.dataSource) sourceErrors(spec.dataSource, `${field}.dataSource`, errors)
  if (spec.dataSourceRef) sourceErrors(spec.dataSourceRef, `${field}.dataSourceRef`, errors)
  return errors
}

function sourceErrors(ref: TypedObjectReference, field: string, errors: FieldError[]): void {
  const { name, kind, apiGroup, namespace } = ref
  if (!name) errors.push(required(`${field}.name`))
  if (!kind) errors.push(required(`${field}.kind`))
  if (!apiGroup && kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
    errors.push(invalid(field, kind ?? '', why))
  }
  if (apiGroup) for (const why of subdomainErrors(apiGroup)) errors.push(invalid(`${field}.apiGroup`, apiGroup, why))
  if (namespace)
    for (const why of labelNameErrors(namespace)) errors.push(invalid(`${field}.namespace`, namespace, why))
}
