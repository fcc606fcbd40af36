import { ApiError, type GroupResource } from './status.ts'

/** Kubernetes' field.ErrorType, with the words that its messages use. */
export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError'

export interface FieldError {
  readonly type: FieldErrorType
  /** e.g. `spec.containers[0].name` */
  readonly field: string
  readonly message: string
}

/** A value inside a message, as Go's %#v / JSON mix prints it: strings quoted, numbers bare, objects as JSON, null as `null`. */
function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'null')
}

/** Appends errors to errors, however many: a spread into push() runs out of stack at about 100,000. */
export function addErrors(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more) errors.push(error)
}

const make = (type: FieldErrorType, field: string, message: string): FieldError => ({ type, field, message })

export const required = (field: string, detail = ''): FieldError =>
  make('FieldValueRequired', field, detail ? `Required value: ${detail}` : 'Required value')
export const invalid = (field: string, value: unknown, detail: string): FieldError =>
  make('FieldValueInvalid', field, `Invalid value: ${show(value)}${detail ? `: ${detail}` : ''}`)
export const duplicate = (field: string, value: unknown): FieldError =>
  make('FieldValueDuplicate', field, `Duplicate value: ${show(value)}`)
export const notFoundField = (field: string, value: unknown): FieldError =>
  make('FieldValueNotFound', field, `Not found: ${show(value)}`)
/** `supported` in the order Kubernetes prints for this field: sorted for most, as declared for some (restartPolicy, dnsPolicy). */
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  make(
    'FieldValueNotSupported',
    field,
    `Unsupported value: ${show(value)}${
      supported.length ? `: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` : ''
    }`,
  )
export const forbiddenField = (field: string, detail: string): FieldError =>
  make('FieldValueForbidden', field, detail ? `Forbidden: ${detail}` : 'Forbidden')
export const tooLong = (field: string, maxLength: number): FieldError =>
  make('FieldValueTooLong', field, `Too long: may not be more than ${maxLength} bytes`)
export const tooMany = (field: string, actual: number, max: number): FieldError =>
  make('FieldValueTooMany', field, `Too many: ${actual}: must have at most ${max} items`)

/** More errors of one object are counted, not told: an answer is not many times as long as what it is about. */
const CAUSES_MAX = 1000

/** 422 Invalid with one cause for each error; message as apimachinery's NewInvalid builds it. */
export function invalidObject(r: GroupResource & { kind: string }, name: string, all: readonly FieldError[]): ApiError {
  const errors = all.slice(0, CAUSES_MAX)
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  if (all.length > errors.length) lines.push(`and ${all.length - errors.length} more errors`)
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const kind = r.group ? `${r.kind}.${r.group}` : r.kind
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${kind} "${name}" is invalid: ${text}`,
    reason: 'Invalid',
    details: {
      ...(name ? { name } : {}),
      ...(r.group ? { group: r.group } : {}),
      ...(r.kind ? { kind: r.kind } : {}),
      causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
    },
    code: 422,
  })
}
