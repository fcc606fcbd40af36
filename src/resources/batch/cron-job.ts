/** CronJob batch/v1. */
import { addErrors, type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { subdomainErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { CronJob, CronJobSpec } from '../../api/types/batch-v1.gen.ts'
import { defaultTemplate } from '../core/pod-defaults.ts'
import { podTemplateErrors } from '../core/pod-validation.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, formatSelector, since } from '../format.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import { negativeErrors } from '../workload-validation.ts'
import { restartErrors } from './job.ts'

const POLICIES = ['Allow', 'Forbid', 'Replace']
/** Its jobs append eleven characters: `-` and the minute in ten digits. */
const NAME_MAX = 52

export const cronJob: ResourceDeclaration<CronJob> = declare<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.batch.v1.CronJob',
  nameErrors: subdomainErrors,
  generation: 'spec',
  status: 'owned',
  default(draft) {
    draft.spec ??= {} as Draft<CronJobSpec>
    defaultSpec(draft.spec)
  },
  admit: admitTemplate((c) => c.spec.jobTemplate.spec?.template),
  validate: (object, old) => [...specErrors(object.spec), ...(old ? [] : nameErrors(object))],
  row: (c, now) => [
    c.metadata.name ?? '',
    c.spec.schedule ?? '',
    c.spec.timeZone ?? '<none>',
    c.spec.suspend ? 'True' : 'False',
    c.status?.active?.length ?? 0,
    c.status?.lastScheduleTime ? since(c.status.lastScheduleTime, now) : '<none>',
    since(c.metadata.creationTimestamp, now),
    ...containerCells(c.spec.jobTemplate?.spec?.template?.spec?.containers),
    formatSelector(c.spec.jobTemplate?.spec?.selector),
  ],
})

function defaultSpec(spec: Draft<CronJobSpec>): void {
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  spec.jobTemplate ??= {}
  spec.jobTemplate.metadata ??= {}
  spec.jobTemplate.spec ??= {} as NonNullable<typeof spec.jobTemplate.spec>
  spec.jobTemplate.spec.template ??= {}
  defaultTemplate(spec.jobTemplate.spec.template)
}

function nameErrors({ metadata }: CronJob): FieldError[] {
  const name = metadata.name ?? ''
  return name.length > NAME_MAX ? [invalid('metadata.name', name, `must be no more than ${NAME_MAX} characters`)] : []
}

function specErrors(spec: CronJobSpec): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.schedule) errors.push(required('spec.schedule'))
  else addErrors(errors, scheduleErrors(spec.schedule))
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    errors.push(invalid('spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`))
  }
  if (!POLICIES.includes(spec.concurrencyPolicy ?? '')) {
    errors.push(notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy ?? '', POLICIES))
  }
  errors.push(
    ...negativeErrors('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...negativeErrors('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...negativeErrors('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  )
  const template = spec.jobTemplate?.spec
  if (template) {
    addErrors(errors, podTemplateErrors(template.template, 'spec.jobTemplate.spec.template'))
    addErrors(errors, restartErrors(template, 'spec.jobTemplate.spec'))
  }
  return errors
}

/** The number of fields; what is in them is the controller's to read. */
function scheduleErrors(schedule: string): FieldError[] {
  if (/TZ=/.test(schedule)) {
    return [invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')]
  }
  if (schedule.startsWith('@')) return []
  const fields = schedule.split(/\s+/).filter((field) => field !== '')
  if (fields.length === 5) return []
  const why = `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`
  return [invalid('spec.schedule', schedule, why)]
}

function isTimeZone(name: string): boolean {
  if (name === '' || name.toLowerCase() === 'local') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
