/** IngressClass networking.k8s.io/v1. */
import type { IngressClass } from '../../api/types/networking-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const ingressClass: ResourceDeclaration<IngressClass> = declare<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  definition: 'io.k8s.api.networking.v1.IngressClass',
  generation: 'spec',
  default(draft) {
    draft.spec ??= {}
    if (draft.spec.parameters) draft.spec.parameters.scope ??= 'Cluster'
  },
  row(c, now) {
    const { parameters } = c.spec ?? {}
    const text = parameters
      ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`
      : '<none>'
    return [c.metadata.name ?? '', c.spec?.controller ?? '', text, since(c.metadata.creationTimestamp, now)]
  },
})
