/** Deployment apps/v1. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { Deployment, DeploymentSpec } from '../../api/types/apps-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { defaultTemplate, dropGatedFields } from '../core/pod-defaults.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatSelector, selectorText, since } from '../format.ts'
import { intOrPercentErrors, isZero, moreThan100PercentErrors } from '../int-or-percent.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import {
  negativeErrors,
  replicaStatusErrors,
  selectorAndTemplateErrors,
  workloadWarnings,
} from '../workload-validation.ts'

export const deployment: ResourceDeclaration<Deployment> = declare<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.Deployment',
  generation: 'spec',
  status: 'owned',
  default(draft) {
    draft.spec ??= {} as typeof draft.spec
    defaultSpec(draft.spec)
  },
  prepare(draft, old) {
    dropGatedFields(draft.spec.template?.spec)
    // Annotations count: rollout history keeps its change cause in one.
    if (old && !sameJson(draft.metadata.annotations, old.metadata.annotations)) {
      draft.metadata.generation = (old.metadata.generation ?? 0) + 1
    }
  },
  admit: admitTemplate((d) => d.spec.template),
  validate: (object, old) => specErrors(object.spec, old?.spec),
  warn: workloadWarnings,
  validateStatus: statusErrors,
  prepareStatus(draft, old) {
    if (old.metadata.labels) draft.metadata.labels = old.metadata.labels
    else delete draft.metadata.labels
  },
  scale: {
    replicas: (d) => d.spec.replicas ?? 0,
    setReplicas(draft, replicas) {
      draft.spec.replicas = replicas
    },
    statusReplicas: (d) => d.status?.replicas ?? 0,
    selector: (d) => selectorText(d.spec.selector),
  },
  row: (d, now) => [
    d.metadata.name ?? '',
    `${d.status?.readyReplicas ?? 0}/${d.spec.replicas ?? 0}`,
    d.status?.updatedReplicas ?? 0,
    d.status?.availableReplicas ?? 0,
    since(d.metadata.creationTimestamp, now),
    ...containerCells(d.spec.template?.spec?.containers),
    formatSelector(d.spec.selector),
  ],
})

function defaultSpec(spec: Draft<DeploymentSpec>): void {
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  spec.strategy ??= {}
  const { strategy } = spec
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {}
    strategy.rollingUpdate.maxUnavailable ??= '25%'
    strategy.rollingUpdate.maxSurge ??= '25%'
  }
  spec.template ??= {}
  defaultTemplate(spec.template)
}

function specErrors(spec: DeploymentSpec, old: DeploymentSpec | undefined): FieldError[] {
  const errors = [
    ...negativeErrors('spec.replicas', spec.replicas),
    ...selectorAndTemplateErrors(spec.selector, spec.template),
    ...strategyErrors(spec.strategy ?? {}),
    ...negativeErrors('spec.minReadySeconds', spec.minReadySeconds),
    ...negativeErrors('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...deadlineErrors(spec),
  ]
  if (old && !sameJson(spec.selector, old.selector)) {
    errors.push(invalid('spec.selector', spec.selector ?? null, 'field is immutable'))
  }
  return errors
}

function statusErrors({ status }: Deployment, old: Deployment): FieldError[] {
  const parts = ['updatedReplicas', 'readyReplicas', 'availableReplicas']
  const counts = ['observedGeneration', 'replicas', ...parts, 'unavailableReplicas', 'collisionCount']
  const errors = replicaStatusErrors(status, counts, parts)
  const before = old.status?.collisionCount
  const after = status?.collisionCount
  if (before !== undefined && (after === undefined || after < before))
    errors.push(invalid('status.collisionCount', after ?? null, 'cannot be decremented'))
  return errors
}

function deadlineErrors({ progressDeadlineSeconds, minReadySeconds }: DeploymentSpec): FieldError[] {
  if (progressDeadlineSeconds === undefined) return []
  const field = 'spec.progressDeadlineSeconds'
  const errors = negativeErrors(field, progressDeadlineSeconds)
  if (progressDeadlineSeconds <= (minReadySeconds ?? 0)) {
    errors.push(invalid(field, progressDeadlineSeconds, 'must be greater than minReadySeconds'))
  }
  return errors
}

function strategyErrors({ type, rollingUpdate }: NonNullable<DeploymentSpec['strategy']>): FieldError[] {
  const field = 'spec.strategy.rollingUpdate'
  if (type === 'Recreate') {
    return rollingUpdate ? [forbiddenField(field, "may not be specified when strategy `type` is 'Recreate'")] : []
  }
  if (type !== 'RollingUpdate') return [notSupported('spec.strategy.type', type ?? '', ['Recreate', 'RollingUpdate'])]
  if (!rollingUpdate) return [required(field, 'this should be defaulted and never be nil')]
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate
  return [
    ...intOrPercentErrors(`${field}.maxUnavailable`, maxUnavailable),
    ...intOrPercentErrors(`${field}.maxSurge`, maxSurge),
    ...(isZero(maxUnavailable) && isZero(maxSurge)
      ? [invalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
      : []),
    ...moreThan100PercentErrors(`${field}.maxUnavailable`, maxUnavailable),
  ]
}
