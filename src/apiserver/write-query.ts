/** The query of a write: dryRun, fieldManager, fieldValidation. */
import { type FieldError, invalid, invalidObject, notSupported } from '../api/field-error.ts'
import type { Exchange } from './exchange.ts'

export interface WriteQuery {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict'
}

const FIELD_MANAGER_LENGTH_MAX = 128
const VALIDATIONS = ['Ignore', 'Strict', 'Warn']
const NOTHING: readonly FieldError[] = []

/**
 * 422 for values that Kubernetes does not know, and for what else the caller found. `kind`: CreateOptions, UpdateOptions or
 * PatchOptions.
 */
export function writeQuery({ request }: Exchange, kind: string, more: readonly FieldError[] = NOTHING): WriteQuery {
  const { query, headers } = request
  const agent = headers['user-agent'] ?? ''
  if (query.size === 0 && more.length === 0)
    return { dryRun: false, fieldManager: defaultManager(agent), fieldValidation: 'Warn' }
  const dryRun = query.getAll('dryRun')
  const manager = query.get('fieldManager') ?? ''
  const validation = query.get('fieldValidation') || 'Warn'
  const errors = [
    ...dryRunErrors(dryRun),
    ...managerErrors(manager),
    ...(VALIDATIONS.includes(validation)
      ? NOTHING
      : [notSupported('fieldValidation', validation, ['', ...VALIDATIONS])]),
    ...more,
  ]
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', resource: kind, kind }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager || defaultManager(agent),
    fieldValidation: validation as WriteQuery['fieldValidation'],
  }
}

export function dryRunErrors(values: readonly string[]): readonly FieldError[] {
  if (values.every((value) => value === 'All')) return NOTHING
  return [notSupported('dryRun', values, ['All'])]
}

function managerErrors(manager: string): readonly FieldError[] {
  if (manager.length > FIELD_MANAGER_LENGTH_MAX)
    return [
      {
        type: 'FieldValueTooLong',
        field: 'fieldManager',
        message: `Too long: may not be more than ${FIELD_MANAGER_LENGTH_MAX} bytes`,
      },
    ]
  if (/[^\x20-\x7e\u00a0-\uffff]/.test(manager))
    return [invalid('fieldManager', manager, 'should only contain printable characters')]
  return NOTHING
}

/** The part of the user agent before the first slash: `kubectl/v1.36.2 (...)` writes as `kubectl`. */
function defaultManager(userAgent: string): string {
  const slash = userAgent.indexOf('/')
  return (slash < 0 ? userAgent : userAgent.slice(0, slash)).slice(0, FIELD_MANAGER_LENGTH_MAX)
}
