/** NetworkPolicy networking.k8s.io/v1: stored and shown; no packet is refused by it yet. */
import type { NetworkPolicy } from '../../api/types/networking-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { formatSelector, since } from '../format.ts'
import { labelSelectorErrors } from '../label-selector.ts'

export const networkPolicy: ResourceDeclaration<NetworkPolicy> = declare<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  definition: 'io.k8s.api.networking.v1.NetworkPolicy',
  generation: 'spec',
  default(draft) {
    draft.spec ??= { podSelector: {} }
    const { spec } = draft
    spec.podSelector ??= {}
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of ports ?? []) port.protocol ??= 'TCP'
    }
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
  },
  validate: ({ spec }) => labelSelectorErrors('spec.podSelector', spec?.podSelector ?? {}),
  row: (p, now) => [
    p.metadata.name ?? '',
    formatSelector(p.spec?.podSelector),
    since(p.metadata.creationTimestamp, now),
  ],
})
