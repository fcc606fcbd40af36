/** RoleBinding rbac.authorization.k8s.io/v1. */
import { pathSegmentErrors } from '../../api/names.ts'
import type { RoleBinding } from '../../api/types/rbac-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { bindingCells, bindingErrors, defaultBinding } from './rules.ts'

export const roleBinding: ResourceDeclaration<RoleBinding> = declare<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.RoleBinding',
  nameErrors: pathSegmentErrors,
  createOnUpdate: true,
  default: (draft) => defaultBinding(draft),
  validate: (object, old) => bindingErrors(object, old, { roles: ['Role', 'ClusterRole'], namespaced: true }),
  row(b, now) {
    const { role, subjects } = bindingCells(b)
    return [b.metadata.name ?? '', role, since(b.metadata.creationTimestamp, now), ...subjects]
  },
})
