/** What the two kinds of flowcontrol.apiserver.k8s.io share. */
import { duplicate, type FieldError, required } from '../../api/field-error.ts'

export const GROUP = 'flowcontrol.apiserver.k8s.io'
export const UNREAD = 'ebb has limits of its own for requests: nothing reads this object'

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: string }[] }
}

export function conditionErrors({ status }: WithConditions): FieldError[] {
  const seen = new Set<string>()
  return (status?.conditions ?? []).flatMap(({ type = '' }, i) => {
    const field = `status.conditions[${i}].type`
    const errors = [...(seen.has(type) ? [duplicate(field, type)] : []), ...(type ? [] : [required(field)])]
    seen.add(type)
    return errors
  })
}
