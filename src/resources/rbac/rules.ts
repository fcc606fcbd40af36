/** What the four kinds of rbac.authorization.k8s.io share. The authorizer reads them where they are stored. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { pathSegmentErrors, subdomainErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { AggregationRule, PolicyRule, RoleRef, Subject } from '../../api/types/rbac-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { labelSelectorErrors } from '../label-selector.ts'

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

const SELECTORS = 'aggregationRule.clusterRoleSelectors'

export function aggregationErrors(rule: AggregationRule | undefined): FieldError[] {
  if (!rule) return []
  if (!rule.clusterRoleSelectors?.length)
    return [required(SELECTORS, 'at least one clusterRoleSelector required if aggregationRule is non-nil')]
  return rule.clusterRoleSelectors.flatMap((selector, i) => {
    const errors = labelSelectorErrors(`${SELECTORS}[${i}]`, selector)
    return errors.length === 0 ? errors : [...errors, invalid(`${SELECTORS}[${i}]`, null, 'invalid label selector.')]
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

/** The kinds of roles that a binding may name; one in a namespace may leave that out of its service accounts. */
interface BindingRules {
  readonly roles: readonly string[]
  readonly namespaced: boolean
}

export function bindingErrors(
  object: Binding,
  old: Binding | undefined,
  { roles, namespaced }: BindingRules,
): FieldError[] {
  const errors: FieldError[] = []
  const { roleRef, subjects = [] } = object
  if (roleRef.apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [GROUP]))
  if (!roles.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, roles))
  if (!roleRef.name) errors.push(required('roleRef.name'))
  for (const why of pathSegmentErrors(roleRef.name)) errors.push(invalid('roleRef.name', roleRef.name, why))
  for (const [i, subject] of subjects.entries()) errors.push(...subjectErrors(`subjects[${i}]`, subject, namespaced))
  if (old && !sameJson(roleRef, old.roleRef)) {
    const shown = { APIGroup: roleRef.apiGroup, Kind: roleRef.kind, Name: roleRef.name }
    errors.push(invalid('roleRef', shown, 'cannot change roleRef'))
  }
  return errors
}

function subjectErrors(field: string, subject: Subject, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = []
  const { kind, name, namespace, apiGroup = '' } = subject
  if (!name) errors.push(required(`${field}.name`))
  if (!SUBJECTS.includes(kind)) return [...errors, notSupported(`${field}.kind`, kind, SUBJECTS)]
  const account = kind === 'ServiceAccount'
  if (account && name) for (const why of subdomainErrors(name)) errors.push(invalid(`${field}.name`, name, why))
  const group = account ? '' : GROUP
  if (apiGroup !== group) errors.push(notSupported(`${field}.apiGroup`, apiGroup, [group]))
  if (account && !namespace && !namespaced) errors.push(required(`${field}.namespace`))
  return errors
}

/** Cells: role, then after the age users, groups and service accounts. */
export function bindingCells({ roleRef, subjects = [] }: Binding): { role: string; subjects: string[] } {
  const names = (kind: string) =>
    subjects
      .filter((s) => s.kind === kind)
      .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
      .join(', ')
  return { role: `${roleRef.kind}/${roleRef.name}`, subjects: [names('User'), names('Group'), names('ServiceAccount')] }
}
