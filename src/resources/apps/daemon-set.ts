/** DaemonSet apps/v1. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { DaemonSet, DaemonSetSpec } from '../../api/types/apps-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { defaultTemplate, dropGatedFields } from '../core/pod-defaults.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatLabels, formatSelector, since } from '../format.ts'
import { isZero } from '../int-or-percent.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import { negativeErrors, selectorAndTemplateErrors } from '../workload-validation.ts'

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

export const daemonSet: ResourceDeclaration<DaemonSet> = declare<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.DaemonSet',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }),
  default(draft) {
    draft.spec ??= {} as Draft<DaemonSetSpec>
    defaultSpec(draft.spec)
    draft.metadata.annotations = { [TEMPLATE_GENERATION]: '1', ...draft.metadata.annotations }
  },
  prepare(draft, old) {
    dropGatedFields(draft.spec.template?.spec)
    const before = old?.metadata.annotations?.[TEMPLATE_GENERATION] ?? '0'
    const changed = !sameJson(draft.spec.template, old?.spec.template)
    const generation = changed ? String(Number(before) + 1) : before
    draft.metadata.annotations = { ...draft.metadata.annotations, [TEMPLATE_GENERATION]: generation }
  },
  admit: admitTemplate((d) => d.spec.template),
  validate: (object, old) => specErrors(object.spec, old?.spec),
  row: (d, now) => [
    d.metadata.name ?? '',
    d.status?.desiredNumberScheduled ?? 0,
    d.status?.currentNumberScheduled ?? 0,
    d.status?.numberReady ?? 0,
    d.status?.updatedNumberScheduled ?? 0,
    d.status?.numberAvailable ?? 0,
    formatLabels(d.spec.template?.spec?.nodeSelector),
    since(d.metadata.creationTimestamp, now),
    ...containerCells(d.spec.template?.spec?.containers),
    formatSelector(d.spec.selector),
  ],
})

function defaultSpec(spec: Draft<DaemonSetSpec>): void {
  spec.revisionHistoryLimit ??= 10
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy.rollingUpdate }
  }
  spec.template ??= {}
  defaultTemplate(spec.template)
}

function specErrors(spec: DaemonSetSpec, old: DaemonSetSpec | undefined): FieldError[] {
  const errors = [
    ...selectorAndTemplateErrors(spec.selector, spec.template, 'daemonset'),
    ...negativeErrors('spec.minReadySeconds', spec.minReadySeconds),
    ...negativeErrors('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  ]
  const { type, rollingUpdate } = spec.updateStrategy ?? {}
  const field = 'spec.updateStrategy'
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    errors.push(notSupported(`${field}.type`, type ?? '', ['RollingUpdate', 'OnDelete']))
  } else if (rollingUpdate && isZero(rollingUpdate.maxUnavailable ?? 0) && isZero(rollingUpdate.maxSurge ?? 0)) {
    errors.push(required(`${field}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0'))
  }
  if (old && !sameJson(spec.selector, old.selector)) {
    errors.push(invalid('spec.selector', spec.selector ?? null, 'field is immutable'))
  }
  return errors
}
