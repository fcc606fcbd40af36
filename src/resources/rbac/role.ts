/** Role rbac.authorization.k8s.io/v1. */
import { pathSegmentErrors } from '../../api/names.ts'
import type { Role } from '../../api/types/rbac-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { ruleErrors } from './rules.ts'

export const role: ResourceDeclaration<Role> = declare<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.Role',
  nameErrors: pathSegmentErrors,
  createOnUpdate: true,
  prepare(draft) {
    // Written as null when there are none.
    if (!draft.rules?.length) draft.rules = null as never
  },
  validate: (object) => ruleErrors(object.rules ?? [], true),
  row: (r) => [r.metadata.name ?? '', r.metadata.creationTimestamp ?? ''],
})
