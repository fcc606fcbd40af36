/** What the four kinds of rbac.authorization.k8s.io share. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { PolicyRule, RoleRef, Subject } from '../../api/types/rbac-v1.gen.ts'
import { sameJson } from '../compare.ts'

const GROUP = 'rbac.authorization.k8s.io'
const SUBJECTS = ['ServiceAccount', 'User', 'Group']

export function ruleErrors(rules: readonly PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => {
    const field = `rules[${i}]`
    const errors: FieldError[] = []
    if (!rule.verbs?.length) errors.push(required(`${field}.verbs`, 'verbs must contain at least one value'))
    if (rule.nonResourceURLs?.length) {
      if (namespaced) {
        const why = 'namespaced rules cannot apply to non-resource URLs'
        errors.push(invalid(`${field}.nonResourceURLs`, rule.nonResourceURLs, why))
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const why = 'rules cannot apply to both regular resources and non-resource URLs'
        errors.push(invalid(`${field}.nonResourceURLs`, rule.nonResourceURLs, why))
      }
      return errors
    }
    if (!rule.apiGroups?.length) {
      errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'))
    }
    if (!rule.resources?.length) {
      errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'))
    }
    return errors
  })
}

interface Binding {
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

export function defaultBinding(draft: Draft<Binding>): void {
  draft.roleRef ??= { apiGroup: '', kind: '', name: '' }
  draft.roleRef.apiGroup ||= GROUP
  for (const subject of draft.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP
  }
}

export function bindingErrors(object: Binding, old: Binding | undefined, kinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const { roleRef, subjects = [] } = object
  if (roleRef.apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [GROUP]))
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, kinds))
  if (!roleRef.name) errors.push(required('roleRef.name'))
  for (const [i, subject] of subjects.entries()) {
    const field = `subjects[${i}]`
    if (!subject.name) errors.push(required(`${field}.name`))
    if (!SUBJECTS.includes(subject.kind)) errors.push(notSupported(`${field}.kind`, subject.kind, SUBJECTS))
    else if (subject.kind === 'ServiceAccount' && !subject.namespace) errors.push(required(`${field}.namespace`))
  }
  if (old && !sameJson(roleRef, old.roleRef)) {
    const shown = { APIGroup: roleRef.apiGroup, Kind: roleRef.kind, Name: roleRef.name }
    errors.push(invalid('roleRef', shown, 'cannot change roleRef'))
  }
  return errors
}

/** Cells: role, then after the age users, groups and service accounts. */
export function bindingCells({ roleRef, subjects = [] }: Binding): { role: string; subjects: string[] } {
  const names = (kind: string) =>
    subjects
      .filter((s) => s.kind === kind)
      .map((s) => (kind === 'ServiceAccount' ? `${s.namespace}/${s.name}` : s.name))
      .join(', ')
  return { role: `${roleRef.kind}/${roleRef.name}`, subjects: [names('User'), names('Group'), names('ServiceAccount')] }
}
