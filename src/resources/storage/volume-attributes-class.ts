/** VolumeAttributesClass storage.k8s.io/v1: what a driver may change of a volume. No driver reads it here. */
import { type FieldError, forbiddenField, invalid, required } from '../../api/field-error.ts'
import { qualifiedNameErrors } from '../../api/names.ts'
import type { VolumeAttributesClass } from '../../api/types/storage-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

const FIXED = ['driverName', 'parameters'] as const

export const volumeAttributesClass: ResourceDeclaration<VolumeAttributesClass> = declare<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.VolumeAttributesClass',
  delete: { returnsObject: true },
  validate: classErrors,
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no storage drivers: nothing reads a VolumeAttributesClass')
  },
  row: (c, now) => [c.metadata.name ?? '', c.driverName ?? '', since(c.metadata.creationTimestamp, now)],
})

function classErrors(object: VolumeAttributesClass, old: VolumeAttributesClass | undefined): FieldError[] {
  const { driverName = '', parameters = {} } = object
  const errors: FieldError[] = []
  for (const key of FIXED)
    if (old && !sameJson(object[key], old[key])) errors.push(forbiddenField(key, `updates to ${key} are forbidden.`))
  if (!driverName) errors.push(required('driverName'))
  else if (!old)
    for (const why of qualifiedNameErrors(driverName.toLowerCase()))
      errors.push(invalid('driverName', driverName.toLowerCase(), why))
  if (Object.keys(parameters).length === 0)
    errors.push(required('parameters', 'must contain at least one key/value pair'))
  return errors
}
