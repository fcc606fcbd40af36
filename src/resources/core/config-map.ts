/** ConfigMap v1. */
import { type FieldError, forbiddenField, invalid } from '../../api/field-error.ts'
import { configKeyErrors } from '../../api/names.ts'
import type { ConfigMap } from '../../api/types/core-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { immutableDataErrors, tooBigErrors } from './config-data.ts'

export const configMap: ResourceDeclaration<ConfigMap> = declare<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.ConfigMap',
  validate: (object, old) => [...(old ? updateErrors(object, old) : []), ...dataErrors(object)],
  row: (c, now) => [
    c.metadata.name ?? '',
    count(c.data) + count(c.binaryData),
    since(c.metadata.creationTimestamp, now),
  ],
})

function count(map: Readonly<Record<string, string>> | undefined): number {
  return map ? Object.keys(map).length : 0
}

function dataErrors({ data, binaryData }: ConfigMap): FieldError[] {
  const errors: FieldError[] = []
  for (const key in data) {
    for (const message of configKeyErrors(key)) errors.push(invalid(`data[${key}]`, key, message))
    if (binaryData && key in binaryData)
      errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'))
  }
  for (const key in binaryData) {
    for (const message of configKeyErrors(key)) errors.push(invalid(`binaryData[${key}]`, key, message))
  }
  return [...errors, ...tooBigErrors('', [data, undefined], binaryData)]
}

function updateErrors(object: ConfigMap, old: ConfigMap): FieldError[] {
  if (!old.immutable) return []
  const errors = immutableDataErrors(object, old)
  if (!sameJson(object.binaryData, old.binaryData)) {
    errors.push(forbiddenField('binaryData', 'field is immutable when `immutable` is set'))
  }
  return errors
}
