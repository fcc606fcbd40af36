/** ReplicaSet apps/v1. */
import { type FieldError, invalid } from '../../api/field-error.ts'
import type { ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { defaultTemplate, dropGatedFields } from '../core/pod-defaults.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatSelector, selectorText, since } from '../format.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import {
  negativeErrors,
  replicaSetStatusErrors,
  selectorAndTemplateErrors,
  workloadWarnings,
} from '../workload-validation.ts'

export const replicaSet: ResourceDeclaration<ReplicaSet> = declare<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.ReplicaSet',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ replicas: 0 }),
  default(draft) {
    draft.spec ??= {} as typeof draft.spec
    const { spec } = draft
    spec.replicas ??= 1
    spec.template ??= {}
    defaultTemplate(spec.template)
  },
  prepare: (draft) => dropGatedFields(draft.spec.template?.spec),
  admit: admitTemplate((r) => r.spec.template),
  validate: (object, old) => specErrors(object, old),
  warn: workloadWarnings,
  validateStatus: ({ status }) => replicaSetStatusErrors(status),
  scale: {
    replicas: (rs) => rs.spec.replicas ?? 0,
    setReplicas(draft, replicas) {
      draft.spec.replicas = replicas
    },
    statusReplicas: (rs) => rs.status?.replicas ?? 0,
    selector: (rs) => selectorText(rs.spec.selector),
  },
  row: (rs, now) => [
    rs.metadata.name ?? '',
    rs.spec.replicas ?? 0,
    rs.status?.replicas ?? 0,
    rs.status?.readyReplicas ?? 0,
    since(rs.metadata.creationTimestamp, now),
    ...containerCells(rs.spec.template?.spec?.containers),
    formatSelector(rs.spec.selector),
  ],
})

function specErrors({ spec }: ReplicaSet, old: ReplicaSet | undefined): FieldError[] {
  const errors = [
    ...negativeErrors('spec.replicas', spec.replicas),
    ...negativeErrors('spec.minReadySeconds', spec.minReadySeconds),
    ...selectorAndTemplateErrors(spec.selector, spec.template),
  ]
  if (old && !sameJson(spec.selector, old.spec.selector)) {
    errors.push(invalid('spec.selector', spec.selector ?? null, 'field is immutable'))
  }
  return errors
}
