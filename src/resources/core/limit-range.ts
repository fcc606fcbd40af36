/** LimitRange v1: stored and shown; nothing is limited by it yet. */
import type { Draft } from '../../api/object.ts'
import type { LimitRange, LimitRangeItem } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'

export const limitRange: ResourceDeclaration<LimitRange> = declare<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.LimitRange',
  createOnUpdate: true,
  default(draft) {
    draft.spec ??= { limits: [] }
    for (const item of draft.spec?.limits ?? []) if (item.type === 'Container') defaultItem(item)
  },
  prepare(draft) {
    // Written as null when there are none.
    if (draft.spec && !draft.spec.limits?.length) draft.spec.limits = null as never
  },
  row: (l) => [l.metadata.name ?? '', l.metadata.creationTimestamp ?? ''],
})

/** What a container gets that says nothing: the maximum, or failing that the minimum. */
function defaultItem(item: Draft<LimitRangeItem>): void {
  const limits = { ...item.max, ...item.default }
  if (Object.keys(limits).length > 0) item.default = limits
  const requests = { ...item.default, ...item.min, ...item.defaultRequest }
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}
