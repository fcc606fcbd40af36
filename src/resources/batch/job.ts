/** Job batch/v1. */
import { humanDuration } from '../../api/duration.ts'
import { addErrors, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import { parseTime } from '../../api/time.ts'
import type { Job, JobSpec } from '../../api/types/batch-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { defaultTemplate, dropGatedFields } from '../core/pod-defaults.ts'
import { podTemplateErrors } from '../core/pod-validation.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatSelector, since } from '../format.ts'
import { goForm } from '../go-form.ts'
import { selects } from '../label-selector.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import { negativeErrors } from '../workload-validation.ts'

const UID_LABEL = 'batch.kubernetes.io/controller-uid'
const NAME_LABEL = 'batch.kubernetes.io/job-name'
const MODES = ['NonIndexed', 'Indexed']

export const job: ResourceDeclaration<Job> = declare<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.batch.v1.Job',
  generation: 'spec',
  status: 'owned',
  default(draft) {
    draft.spec ??= {} as Draft<JobSpec>
    defaultSpec(draft.spec)
  },
  prepare(draft, old) {
    dropGatedFields(draft.spec.template?.spec)
    if (!old && !draft.spec.manualSelector) generateSelector(draft)
    if (!old && !draft.metadata.labels && draft.spec.template.metadata?.labels) {
      draft.metadata.labels = { ...draft.spec.template.metadata.labels }
    }
  },
  admit: admitTemplate((j) => j.spec.template),
  validate: (object, old) => [...jobSpecErrors(object, old), ...(old ? immutableErrors(object.spec, old.spec) : [])],
  fields: { 'status.successful': (j) => String(j.status?.succeeded ?? 0) },
  row: jobRow,
  delete: {
    defaultPropagation: 'orphan',
    defaultPropagationWarning:
      'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  },
})

function defaultSpec(spec: Draft<JobSpec>): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647
  spec.completionMode ||= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  spec.template ??= {}
  defaultTemplate(spec.template)
}

/** A job finds its pods by its own uid, so that two jobs never share any. */
function generateSelector(draft: Draft<Job>): void {
  const { uid = '', name = '' } = draft.metadata
  const labels = { [UID_LABEL]: uid, [NAME_LABEL]: name, 'controller-uid': uid, 'job-name': name }
  draft.spec.template.metadata = {
    ...draft.spec.template.metadata,
    labels: { ...draft.spec.template.metadata?.labels, ...labels },
  }
  draft.spec.selector = {
    ...draft.spec.selector,
    matchLabels: { ...draft.spec.selector?.matchLabels, [UID_LABEL]: uid },
  }
}

function jobSpecErrors(object: Job, old: Job | undefined): FieldError[] {
  const { spec } = object
  const errors = [
    ...negativeErrors('spec.parallelism', spec.parallelism),
    ...negativeErrors('spec.completions', spec.completions),
    ...negativeErrors('spec.activeDeadlineSeconds', spec.activeDeadlineSeconds),
    ...negativeErrors('spec.backoffLimit', spec.backoffLimit),
    ...negativeErrors('spec.ttlSecondsAfterFinished', spec.ttlSecondsAfterFinished),
  ]
  if (!MODES.includes(spec.completionMode ?? '')) {
    errors.push(notSupported('spec.completionMode', spec.completionMode ?? '', MODES))
  }
  if (spec.completionMode === 'Indexed' && spec.completions === undefined) {
    errors.push(required('spec.completions', `when completion mode is ${spec.completionMode}`))
  }
  addErrors(errors, [...selectorErrors(object, old), ...podTemplateErrors(spec.template, 'spec.template')])
  addErrors(errors, restartErrors(spec, 'spec'))
  return errors
}

/** Pods of a job end: they restart on failure or never. */
export function restartErrors({ template }: JobSpec, field: string): FieldError[] {
  const policy = template.spec?.restartPolicy
  if (policy === 'OnFailure' || policy === 'Never') return []
  if (policy === 'Always' || !policy) {
    return [required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')]
  }
  return []
}

function selectorErrors({ spec, metadata }: Job, old: Job | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.selector) errors.push(required('spec.selector'))
  if (!spec.manualSelector && !old && spec.selector) {
    const own = { matchLabels: { [UID_LABEL]: metadata.uid ?? '' } }
    if (!sameJson(spec.selector, own)) {
      errors.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'))
    }
  }
  const labels = spec.template.metadata?.labels
  if (!selects(spec.selector, labels)) {
    const why = '`selector` does not match template `labels`'
    errors.push(invalid('spec.template.metadata.labels', labels ?? null, why))
  }
  return errors
}

function immutableErrors(spec: JobSpec, old: JobSpec): FieldError[] {
  const errors: FieldError[] = []
  const why = 'field is immutable'
  if (spec.completions !== old.completions) errors.push(invalid('spec.completions', spec.completions ?? null, why))
  if (!sameJson(spec.selector, old.selector)) errors.push(invalid('spec.selector', spec.selector ?? null, why))
  if (spec.completionMode !== old.completionMode) errors.push(invalid('spec.completionMode', spec.completionMode, why))
  if (spec.manualSelector !== old.manualSelector) errors.push(forbiddenField('spec.manualSelector', why))
  if (!sameJson(spec.template, old.template)) {
    errors.push(invalid('spec.template.spec', goForm(spec.template.spec, 'PodSpec'), why))
  }
  return errors
}

function jobRow(j: Job, now: number): (string | number)[] {
  const { completions, parallelism = 0 } = j.spec
  const succeeded = j.status?.succeeded ?? 0
  const of = completions !== undefined ? String(completions) : parallelism > 1 ? `1 of ${parallelism}` : '1'
  return [
    j.metadata.name ?? '',
    jobStatus(j),
    `${succeeded}/${of}`,
    duration(j, now),
    since(j.metadata.creationTimestamp, now),
    ...containerCells(j.spec.template?.spec?.containers),
    formatSelector(j.spec.selector),
  ]
}

function jobStatus({ status, metadata }: Job): string {
  const is = (type: string) => status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (is(type)) return type
  return 'Running'
}

function duration({ status }: Job, now: number): string {
  const start = status?.startTime ? parseTime(status.startTime) : undefined
  if (start === undefined) return ''
  const end = status?.completionTime ? parseTime(status.completionTime) : undefined
  return humanDuration((end ?? now) - start)
}
