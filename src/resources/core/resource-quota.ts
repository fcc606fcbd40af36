/** ResourceQuota v1: stored and shown; nothing is counted yet. */

import type { ResourceQuota } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const resourceQuota: ResourceDeclaration<ResourceQuota> = declare<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.ResourceQuota',
  status: 'owned',
  default(draft) {
    draft.spec ??= {}
  },
  row(q, now) {
    const shares = Object.keys(q.spec?.hard ?? {}).sort()
    const text = (limits: boolean) =>
      shares
        .filter((name) => name.startsWith('limits') === limits)
        .map((name) => `${name}: ${own(q.status?.used, name) ?? '0'}/${own(q.spec?.hard, name)}`)
        .join(', ')
    return [q.metadata.name ?? '', text(false), text(true), since(q.metadata.creationTimestamp, now)]
  },
  delete: { returnsObject: true },
})
