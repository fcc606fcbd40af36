/** What ReplicationController, ReplicaSet and Deployment check alike: selectors, templates, counts. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../api/field-error.ts'
import { labelValueErrors, qualifiedNameErrors } from '../api/names.ts'
import type { PodTemplateSpec } from '../api/types/core-v1.gen.ts'
import type { LabelSelector } from '../api/types/meta-v1.gen.ts'
import { podTemplateErrors } from './core/pod-validation.ts'

export type Labels = Readonly<Record<string, string>>

export function negativeErrors(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
}

/** Messages of a label selector's own syntax. */
export function labelSelectorErrors(field: string, selector: LabelSelector): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${field}.matchLabels`, key, message))
    for (const message of labelValueErrors(value)) errors.push(invalid(`${field}.matchLabels`, value, message))
  }
  for (const [i, { key, operator, values }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`
    const some = (values?.length ?? 0) > 0
    if (operator === 'In' || operator === 'NotIn') {
      if (!some) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (some)
        errors.push(
          forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        )
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'))
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${at}.key`, key, message))
    for (const [j, value] of (values ?? []).entries()) {
      for (const message of labelValueErrors(value)) errors.push(invalid(`${at}.values[${j}]`, value, message))
    }
  }
  return errors
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist']

/** Whether a selector's expressions can be evaluated at all. */
function evaluable(selector: LabelSelector): boolean {
  return (selector.matchExpressions ?? []).every((e) => OPERATORS.includes(e.operator))
}

/** Whether the selector selects these labels. No selector selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false
  const has = labels ?? {}
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (has[key] !== value) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = has[key]
    if (operator === 'In') return value !== undefined && (values ?? []).includes(value)
    if (operator === 'NotIn') return value === undefined || !(values ?? []).includes(value)
    return operator === 'Exists' ? value !== undefined : value === undefined
  })
}

function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0
}

/** spec.selector and spec.template of the kinds of group apps. */
export function selectorAndTemplateErrors(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): FieldError[] {
  const errors: FieldError[] = []
  if (!selector) errors.push(required('spec.selector'))
  else {
    errors.push(...labelSelectorErrors('spec.selector', selector))
    if (isEmptySelector(selector))
      errors.push(invalid('spec.selector', selector, 'empty selector is invalid for deployment'))
    if (!evaluable(selector)) {
      errors.push(invalid('spec.selector', selector, 'invalid label selector'))
      return errors
    }
  }
  return [...errors, ...matchingTemplateErrors(template, (labels) => selects(selector, labels))]
}

/** A template whose labels must match, whose pods restart always. */
export function matchingTemplateErrors(
  template: PodTemplateSpec | undefined,
  matches: (labels: Labels | undefined) => boolean,
): FieldError[] {
  if (!template) return [required('spec.template')]
  const labels = template.metadata?.labels
  const errors: FieldError[] = []
  if (!matches(labels)) {
    errors.push(invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'))
  }
  errors.push(...podTemplateErrors(template, 'spec.template'))
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {}
  if (restartPolicy !== 'Always' && ['OnFailure', 'Never'].includes(restartPolicy ?? '')) {
    errors.push(notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']))
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(
      forbiddenField(
        'spec.template.spec.activeDeadlineSeconds',
        'activeDeadlineSeconds in ReplicaSet is not Supported',
      ),
    )
  }
  return errors
}
