/** Who manages which fields: keeps metadata.managedFields of everything that is written through the registry. */

import { updateSteps } from '../api/managed-fields/update.ts'
import type { Draft, KubernetesObject, ObjectMeta } from '../api/object.ts'
import type { FieldManagerHook } from './kit.ts'

/** Compares what was sent, defaults included, with what was there; what admission and the server add belongs to nobody. */
export const trackFields: FieldManagerHook = function* (draft, old, { resource, subresource, manager, now }) {
  const entries = yield* updateSteps({
    old,
    new: draft as KubernetesObject,
    manager,
    subresource,
    time: now,
    definition: resource.declaration.definition,
    apiVersion: resource.apiVersion,
  })
  draft.metadata ??= {}
  if (entries) draft.metadata.managedFields = entries as Draft<ObjectMeta>['managedFields'] & object
  else delete draft.metadata.managedFields
}
