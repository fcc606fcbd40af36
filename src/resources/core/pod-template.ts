/** PodTemplate v1. */
import type { PodTemplate } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatLabels } from '../format.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import { defaultTemplate } from './pod-defaults.ts'
import { podTemplateErrors } from './pod-validation.ts'

export const podTemplate: ResourceDeclaration<PodTemplate> = declare<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  definition: 'io.k8s.api.core.v1.PodTemplate',
  generation: 'spec',
  default(draft) {
    draft.template ??= {}
    defaultTemplate(draft.template)
  },
  admit: admitTemplate((t) => t.template),
  validate: (object) => podTemplateErrors(object.template ?? {}, 'template'),
  row: (t) => [
    t.metadata.name ?? '',
    ...containerCells(t.template?.spec?.containers),
    formatLabels(t.template?.metadata?.labels),
  ],
  delete: { returnsObject: true },
})
