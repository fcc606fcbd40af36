/** Label selectors of the API (matchLabels, matchExpressions): their syntax, and what they select. */

import { type FieldError, forbiddenField, invalid, required } from '../api/field-error.ts'
import { labelValueErrors, qualifiedNameErrors } from '../api/names.ts'
import type { LabelSelector } from '../api/types/meta-v1.gen.ts'
import { own } from '../base/own.ts'

export type Labels = Readonly<Record<string, string>>

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
export function isEvaluable(selector: LabelSelector): boolean {
  return (selector.matchExpressions ?? []).every((e) => OPERATORS.includes(e.operator))
}

/** Whether the selector selects these labels. No selector selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (own(labels, key) !== value) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = own(labels, key)
    if (operator === 'In') return value !== undefined && (values ?? []).includes(value)
    if (operator === 'NotIn') return value === undefined || !(values ?? []).includes(value)
    return operator === 'Exists' ? value !== undefined : value === undefined
  })
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0
}
