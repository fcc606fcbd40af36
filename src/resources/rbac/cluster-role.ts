/** ClusterRole rbac.authorization.k8s.io/v1. */
import { pathSegmentErrors } from '../../api/names.ts'
import type { ClusterRole } from '../../api/types/rbac-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { aggregationErrors, ruleErrors } from './rules.ts'

export const clusterRole: ResourceDeclaration<ClusterRole> = declare<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  definition: 'io.k8s.api.rbac.v1.ClusterRole',
  nameErrors: pathSegmentErrors,
  createOnUpdate: true,
  prepare(draft) {
    // Written as null when there are none.
    if (!draft.rules?.length) draft.rules = null as never
  },
  validate: (object) => [...ruleErrors(object.rules ?? [], false), ...aggregationErrors(object.aggregationRule)],
  row: (r) => [r.metadata.name ?? '', r.metadata.creationTimestamp ?? ''],
})
