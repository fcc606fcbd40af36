import type { FieldError } from '../../api/field-error.ts'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'

export function podTemplateErrors(_template: PodTemplateSpec, _field: string): FieldError[] {
  return []
}
