/** Values that are a count or a share of one: 2, `25%`. */
import { type FieldError, invalid } from '../api/field-error.ts'

const PERCENT = /^[0-9]+%$/

export function intOrPercentErrors(field: string, value: number | string): FieldError[] {
  if (typeof value === 'number') {
    return value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
  }
  return PERCENT.test(value)
    ? []
    : [
        invalid(
          field,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
      ]
}

export function moreThan100PercentErrors(field: string, value: number | string): FieldError[] {
  if (typeof value !== 'string' || !PERCENT.test(value) || Number.parseInt(value, 10) <= 100) return []
  return [invalid(field, value, 'must not be greater than 100%')]
}

export function isZero(value: number | string): boolean {
  return value === 0 || (typeof value === 'string' && Number.parseInt(value, 10) === 0)
}
