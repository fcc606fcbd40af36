/** FlowSchema flowcontrol.apiserver.k8s.io/v1: stored and shown. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../api/types/flowcontrol-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { conditionErrors, GROUP, UNREAD } from './conditions.ts'

const PRECEDENCE_DEFAULT = 1_000
const PRECEDENCE_MAX = 10_000
/** The precedence and the name of the schema that comes before all others. */
const FIRST = 1
const EXEMPT = 'exempt'
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']
const MEMBERS: Readonly<Record<string, 'user' | 'group' | 'serviceAccount'>> = {
  Group: 'group',
  ServiceAccount: 'serviceAccount',
  User: 'user',
}

export const flowSchema: ResourceDeclaration<FlowSchema> = declare<FlowSchema>({
  group: GROUP,
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  definition: 'io.k8s.api.flowcontrol.v1.FlowSchema',
  generation: 'spec',
  status: 'owned',
  default(draft) {
    draft.spec ??= {} as Draft<FlowSchema>['spec']
    draft.spec.priorityLevelConfiguration ??= { name: '' }
    draft.spec.matchingPrecedence ||= PRECEDENCE_DEFAULT
  },
  validate: schemaErrors,
  validateStatus: conditionErrors,
  warn(_, old, { warn }) {
    if (!old) warn(UNREAD)
  },
  row: ({ metadata, spec, status }, now) => [
    metadata.name ?? '',
    spec?.priorityLevelConfiguration?.name ?? '',
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? '<none>',
    since(metadata.creationTimestamp, now),
    status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ],
})

function schemaErrors({ metadata, spec }: FlowSchema): FieldError[] {
  const { matchingPrecedence = 0, distinguisherMethod, priorityLevelConfiguration, rules = [] } = spec
  const errors: FieldError[] = []
  const precedence = (why: string) => errors.push(invalid('spec.matchingPrecedence', matchingPrecedence, why))
  if (matchingPrecedence <= 0) precedence('must be a positive value')
  if (matchingPrecedence > PRECEDENCE_MAX) precedence(`must not be greater than ${PRECEDENCE_MAX}`)
  if (matchingPrecedence === FIRST && metadata.name !== EXEMPT)
    precedence(`only the schema named '${EXEMPT}' may have matchingPrecedence ${FIRST}`)
  if (distinguisherMethod && !['ByNamespace', 'ByUser'].includes(distinguisherMethod.type)) {
    const shown = { Type: distinguisherMethod.type }
    errors.push(notSupported('spec.distinguisherMethod.type', shown, ['ByNamespace', 'ByUser']))
  }
  if (!priorityLevelConfiguration?.name)
    errors.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'))
  return [...errors, ...rules.flatMap((rule, i) => ruleErrors(rule, `spec.rules[${i}]`))]
}

function ruleErrors(rule: PolicyRulesWithSubjects, field: string): FieldError[] {
  const { resourceRules = [], nonResourceRules = [] } = rule
  const subjects = orNone(rule.subjects)
  const errors: FieldError[] = []
  if (subjects.length === 0) errors.push(required(`${field}.subjects`, 'subjects must contain at least one value'))
  for (const [i, subject] of subjects.entries()) errors.push(...subjectErrors(subject, `${field}.subjects[${i}]`))
  if (resourceRules.length + nonResourceRules.length === 0)
    errors.push(required(field, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  for (const [i, one] of resourceRules.entries()) errors.push(...resourceErrors(one, `${field}.resourceRules[${i}]`))
  for (const [i, one] of nonResourceRules.entries()) errors.push(...pathErrors(one, `${field}.nonResourceRules[${i}]`))
  return errors
}

function subjectErrors(subject: Subject, field: string): FieldError[] {
  const own = MEMBERS[subject.kind]
  if (!own) return [notSupported(`${field}.kind`, subject.kind, Object.keys(MEMBERS))]
  const errors = Object.entries(MEMBERS).flatMap(([kind, member]) => {
    const why = `${member} is forbidden when subject kind is not '${kind}'`
    return member !== own && subject[member] ? [forbiddenField(`${field}.${member}`, why)] : []
  })
  const said = subject[own]
  if (!said)
    return [...errors, required(`${field}.${own}`, `${own} is required when subject kind is '${subject.kind}'`)]
  if (!said.name) errors.push(required(`${field}.${own}.name`))
  if (own === 'serviceAccount' && !subject.serviceAccount?.namespace)
    errors.push(required(`${field}.serviceAccount.namespace`, 'must specify namespace for service account'))
  return errors
}

/** Lists that have to be there are null when they are not. */
const orNone = <T>(list: readonly T[] | null | undefined): readonly T[] => list ?? []

function verbErrors(sent: readonly string[], field: string): FieldError[] {
  const verbs = orNone(sent)
  if (verbs.length === 0) return [required(`${field}.verbs`, 'verbs must contain at least one value')]
  const known = verbs.includes('*') ? verbs.length === 1 : verbs.every((verb) => VERBS.includes(verb))
  return known ? [] : [notSupported(`${field}.verbs`, verbs, VERBS)]
}

function resourceErrors(rule: ResourcePolicyRule, field: string): FieldError[] {
  const { verbs, apiGroups, resources, clusterScope } = rule
  const namespaces = orNone(rule.namespaces)
  const errors = verbErrors(verbs, field)
  const some = (name: string, list: readonly string[], why: string) => {
    if (orNone(list).length === 0) errors.push(required(`${field}.${name}`, why))
  }
  some('apiGroups', apiGroups, 'resource rules must supply at least one api group')
  some('resources', resources, 'resource rules must supply at least one resource')
  if (!clusterScope)
    some('namespaces', namespaces, 'resource rules that are not cluster scoped must supply at least one namespace')
  for (const [i, name] of namespaces.entries())
    for (const why of name === '*' ? [] : labelNameErrors(name)) {
      const lead = "each member of this list must be '*' or a DNS-1123 label; "
      errors.push(invalid(`${field}.namespaces[${i}]`, name, lead + why))
    }
  return errors
}

function pathErrors(rule: NonResourcePolicyRule, field: string): FieldError[] {
  const errors = verbErrors(rule.verbs, field)
  const nonResourceURLs = orNone(rule.nonResourceURLs)
  if (nonResourceURLs.length === 0)
    errors.push(required(`${field}.nonResourceURLs`, 'nonResourceURLs must contain at least one value'))
  for (const [i, path] of nonResourceURLs.entries())
    if (path !== '*' && !path.startsWith('/'))
      errors.push(invalid(`${field}.nonResourceURLs[${i}]`, path, 'must start with slash'))
  return errors
}
