/** PriorityClass scheduling.k8s.io/v1. */
import { type FieldError, forbiddenField, notSupported } from '../../api/field-error.ts'
import type { PriorityClass } from '../../api/types/scheduling-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

/** Values above are for the system's own classes. */
const POLICIES = ['PreemptLowerPriority', 'Never']
const USER_VALUE_MAX = 1_000_000_000

export const priorityClass: ResourceDeclaration<PriorityClass> = declare<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  definition: 'io.k8s.api.scheduling.v1.PriorityClass',
  default(draft) {
    draft.value ??= 0
    draft.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  prepare(draft, old) {
    // Told once, never counted.
    if (!old) draft.metadata.generation = 1
  },
  validate: classErrors,
  row: (p, now) => [
    p.metadata.name ?? '',
    p.value ?? 0,
    p.globalDefault ?? false,
    since(p.metadata.creationTimestamp, now),
    p.preemptionPolicy ?? '',
  ],
})

function classErrors(object: PriorityClass, old: PriorityClass | undefined): FieldError[] {
  if (old) {
    const errors: FieldError[] = []
    if (object.value !== old.value) errors.push(forbiddenField('value', 'may not be changed in an update.'))
    if (object.preemptionPolicy !== old.preemptionPolicy) {
      errors.push(forbiddenField('preemptionPolicy', 'may not be changed in an update.'))
    }
    return errors
  }
  const name = object.metadata.name ?? ''
  if (name.startsWith('system-')) {
    const why = `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`
    return [forbiddenField('metadata.name', why)]
  }
  const errors: FieldError[] = []
  if ((object.value ?? 0) > USER_VALUE_MAX) {
    errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${USER_VALUE_MAX}`))
  }
  const policy = object.preemptionPolicy ?? ''
  if (!POLICIES.includes(policy)) errors.push(notSupported('preemptionPolicy', policy, POLICIES))
  return errors
}
