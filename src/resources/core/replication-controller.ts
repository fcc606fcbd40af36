/** ReplicationController v1. */

import { type FieldError, required } from '../../api/field-error.ts'
import type { ReplicationController } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatLabels, since } from '../format.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import {
  matchingTemplateErrors,
  negativeErrors,
  replicaSetStatusErrors,
  workloadWarnings,
} from '../workload-validation.ts'
import { defaultTemplate, dropGatedFields } from './pod-defaults.ts'

export const replicationController: ResourceDeclaration<ReplicationController> = declare<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.ReplicationController',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ replicas: 0 }),
  default(draft) {
    draft.spec ??= {}
    const { spec } = draft
    spec.replicas ??= 1
    if (!spec.template) return
    defaultTemplate(spec.template)
    const labels = spec.template.metadata?.labels
    if (!labels) return
    if (isEmpty(spec.selector)) spec.selector = { ...labels }
    if (isEmpty(draft.metadata.labels)) draft.metadata.labels = { ...labels }
  },
  prepare: (draft) => dropGatedFields(draft.spec?.template?.spec),
  admit: admitTemplate((r) => r.spec?.template),
  validate: ({ spec = {} }) => specErrors(spec),
  warn: workloadWarnings,
  validateStatus: ({ status }) => replicaSetStatusErrors(status),
  scale: {
    replicas: (rc) => rc.spec?.replicas ?? 0,
    setReplicas(draft, replicas) {
      draft.spec ??= {}
      draft.spec.replicas = replicas
    },
    statusReplicas: (rc) => rc.status?.replicas ?? 0,
    selector: (rc) => (isEmpty(rc.spec?.selector) ? '' : formatLabels(rc.spec?.selector)),
  },
  fields: { 'status.replicas': (rc) => String(rc.status?.replicas ?? 0) },
  row: (rc, now) => [
    rc.metadata.name ?? '',
    rc.spec?.replicas ?? 0,
    rc.status?.replicas ?? 0,
    rc.status?.readyReplicas ?? 0,
    since(rc.metadata.creationTimestamp, now),
    ...containerCells(rc.spec?.template?.spec?.containers),
    formatLabels(rc.spec?.selector),
  ],
  delete: { defaultPropagation: 'orphan' },
})

function isEmpty(map: object | undefined): boolean {
  return !map || Object.keys(map).length === 0
}

function specErrors(spec: NonNullable<ReplicationController['spec']>): FieldError[] {
  const selector = spec.selector ?? {}
  return [
    ...negativeErrors('spec.minReadySeconds', spec.minReadySeconds),
    ...(isEmpty(selector) ? [required('spec.selector')] : []),
    ...negativeErrors('spec.replicas', spec.replicas),
    ...matchingTemplateErrors(spec.template, (labels) =>
      Object.entries(selector).every(([key, value]) => own(labels, key) === value),
    ),
  ]
}
