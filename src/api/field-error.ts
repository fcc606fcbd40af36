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

/** Values in messages are shown up to this many characters: a cause is no copy of what it is about. */
const SHOWN_CHARACTERS_MAX = 64 * 1024

/** A value inside a message, as Go's %#v / JSON mix prints it: strings quoted, numbers bare, objects as JSON, null as `null`. */
function show(value: unknown): string {
  const long = typeof value === 'string' && value.length > SHOWN_CHARACTERS_MAX
  const text = JSON.stringify(long ? value.slice(0, SHOWN_CHARACTERS_MAX) : value) ?? 'null'
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text
}

/** Appends errors to errors, however many: a spread into push() runs out of stack at about 100,000. */
export function addErrors(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more) errors.push(error)
}

/** Of one object this many errors are told; looking for more would cost many times what the body did. */
const CAUSES_MAX = 1000

/** What is being validated: all errors made since, in order. Validation is synchronous, so there is one at a time. */
let made: FieldError[] | undefined

class Enough extends Error {}

/** The errors of a validation, which is broken off when it has found as many as are told. */
export function errorsOf(validate: () => readonly FieldError[]): readonly FieldError[] {
  const outer = made
  const mine: FieldError[] = []
  made = mine
  try {
    return validate()
  } catch (error) {
    if (error instanceof Enough) return mine
    throw error
  } finally {
    made = outer
  }
}

function make(type: FieldErrorType, field: string, message: string): FieldError {
  const error = { type, field, message }
  if (made && made.push(error) > CAUSES_MAX) throw new Enough()
  return error
}

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

/** 422 Invalid with one cause for each error; message as apimachinery's NewInvalid builds it. */
export function invalidObject(r: GroupResource & { kind: string }, name: string, all: readonly FieldError[]): ApiError {
  const errors = all.slice(0, CAUSES_MAX)
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  if (all.length > errors.length) lines.push('and more errors')
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
