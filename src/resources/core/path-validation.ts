/** Paths in a pod's spec that must stay where they are put. Messages are Kubernetes'. */
import { type FieldError, invalid } from '../../api/field-error.ts'

/** No part of it steps back. */
export function backstepErrors(path: string, field: string, errors: FieldError[]): void {
  if (path.split('/').includes('..')) errors.push(invalid(field, path, "must not contain '..'"))
}

/** Relative, and never above where it begins. */
export function descendingErrors(path: string, field: string, errors: FieldError[]): void {
  if (path.startsWith('/')) errors.push(invalid(field, path, 'must be a relative path'))
  backstepErrors(path, field, errors)
}

/** Descending, and none of the names that the kubelet keeps to itself in a volume (`..data`). */
export function localPathErrors(path: string, field: string, errors: FieldError[]): void {
  descendingErrors(path, field, errors)
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalid(field, path, "must not start with '..'"))
}
