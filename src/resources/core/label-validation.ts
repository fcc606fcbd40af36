/** Labels and annotations of what is inside of a spec; an object's own are checked with its metadata. */
import { type FieldError, invalid } from '../../api/field-error.ts'
import { labelValueErrors, qualifiedNameErrors } from '../../api/names.ts'

type Texts = Readonly<Record<string, string>> | undefined

/** Keys and values of a map of labels. */
export function labelMapErrors(labels: Texts, field: string, errors: FieldError[]): void {
  for (const key in labels) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(field, key, message))
    const value = labels[key] ?? ''
    for (const message of labelValueErrors(value)) errors.push(invalid(field, value, message))
  }
}

/** Keys of annotations; their values may be anything. */
export function annotationErrors(annotations: Texts, field: string, errors: FieldError[]): void {
  for (const key in annotations) {
    for (const message of qualifiedNameErrors(key.toLowerCase())) errors.push(invalid(field, key, message))
  }
}
