/** ControllerRevision apps/v1: an immutable snapshot that a controller keeps of its template. */
import { type FieldError, invalid } from '../../api/field-error.ts'
import type { ControllerRevision } from '../../api/types/apps-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const controllerRevision: ResourceDeclaration<ControllerRevision> = declare<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.ControllerRevision',
  validate: (object, old) => dataErrors(object, old),
  row: (r, now) => [r.metadata.name ?? '', owner(r), r.revision, since(r.metadata.creationTimestamp, now)],
})

function dataErrors(object: ControllerRevision, old: ControllerRevision | undefined): FieldError[] {
  const errors: FieldError[] = []
  if ((object.revision ?? 0) < 0) {
    errors.push(invalid('revision', object.revision, 'must be greater than or equal to 0'))
  }
  if (old && !sameJson(object.data, old.data)) errors.push(invalid('data', object.data, 'field is immutable'))
  return errors
}

/** `daemonset.apps/name` */
function owner({ metadata }: ControllerRevision): string {
  const controller = metadata.ownerReferences?.find((o) => o.controller)
  if (!controller) return '<none>'
  const [group, version] = controller.apiVersion.split('/')
  return `${controller.kind.toLowerCase()}${version ? `.${group}` : ''}/${controller.name}`
}
