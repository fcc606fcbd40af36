/** Rules of what a pod says about where it may run: tolerations, affinity, spreading, gates. */
import {
  addErrors,
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../api/field-error.ts'
import { labelNameErrors, labelValueErrors, qualifiedNameErrors } from '../../api/names.ts'
import type {
  Affinity,
  NodeAffinity,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodSpec,
  Toleration,
  TopologySpreadConstraint,
} from '../../api/types/core-v1.gen.ts'
import { labelSelectorErrors } from '../label-selector.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway']
const INCLUSIONS = ['Honor', 'Ignore']
const NO_SELECTOR = 'must not be specified when labelSelector is not set'
const IN = "must be specified when `operator` is 'In' or 'NotIn'"
const EXISTS = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"

export function schedulingErrors(spec: PodSpec, field: string, errors: FieldError[]): void {
  if (spec.affinity) affinityErrors(spec.affinity, `${field}.affinity`, errors)
  if (spec.tolerations) tolerationsErrors(spec.tolerations, `${field}.tolerations`, errors)
  const spread = spec.topologySpreadConstraints
  if (spread) spreadErrors(spread, `${field}.topologySpreadConstraints`, errors)
  for (const [i, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    const at = `${field}.readinessGates[${i}].conditionType`
    for (const message of qualifiedNameErrors(conditionType)) errors.push(invalid(at, conditionType, message))
  }
  const gates = new Set<string>()
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries()) {
    const at = `${field}.schedulingGates[${i}]`
    for (const message of qualifiedNameErrors(name)) errors.push(invalid(at, name, message))
    if (gates.has(name)) errors.push(duplicate(at, name))
    gates.add(name)
  }
}

export function tolerationsErrors(tolerations: readonly Toleration[], field: string, errors: FieldError[]): void {
  for (let i = 0; i < tolerations.length; i++) tolerationErrors(tolerations[i]!, `${field}[${i}]`, errors)
}

function tolerationErrors(toleration: Toleration, field: string, errors: FieldError[]): void {
  const { key, operator = '', value = '', effect, tolerationSeconds } = toleration
  if (key) for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${field}.key`, key, message))
  else if (operator !== 'Exists') {
    const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
    errors.push(invalid(`${field}.operator`, operator, why))
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
    errors.push(invalid(`${field}.effect`, effect ?? '', why))
  }
  if (operator === '' || operator === 'Equal') {
    const messages = labelValueErrors(value)
    if (messages.length > 0) errors.push(invalid(`${field}.operator`, value, messages.join(';')))
  } else if (operator === 'Exists') {
    if (value) errors.push(invalid(`${field}.operator`, value, "value must be empty when `operator` is 'Exists'"))
  } else errors.push(notSupported(`${field}.operator`, operator, ['Equal', 'Exists']))
  if (effect && !EFFECTS.includes(effect)) errors.push(notSupported(`${field}.effect`, effect, EFFECTS))
}

function affinityErrors(affinity: Affinity, field: string, errors: FieldError[]): void {
  if (affinity.nodeAffinity) nodeAffinityErrors(affinity.nodeAffinity, `${field}.nodeAffinity`, errors)
  if (affinity.podAffinity) podAffinityErrors(affinity.podAffinity, `${field}.podAffinity`, errors)
  if (affinity.podAntiAffinity) podAffinityErrors(affinity.podAntiAffinity, `${field}.podAntiAffinity`, errors)
}

function nodeAffinityErrors(affinity: NodeAffinity, field: string, errors: FieldError[]): void {
  const wanted = affinity[REQUIRED]
  if (wanted) {
    const terms = wanted.nodeSelectorTerms ?? []
    const at = `${field}.${REQUIRED}.nodeSelectorTerms`
    if (terms.length === 0) errors.push(required(at, 'must have at least one node selector term'))
    for (const [i, term] of terms.entries()) {
      nodeTermErrors(term, `${at}[${i}]`, errors)
      nodeValueErrors(term, `${at}[${i}]`, errors)
    }
  }
  for (const [i, { weight, preference }] of (affinity[PREFERRED] ?? []).entries()) {
    const at = `${field}.${PREFERRED}[${i}]`
    weightErrors(weight, at, errors)
    nodeTermErrors(preference, `${at}.preference`, errors)
  }
}

function weightErrors(weight: number, field: string, errors: FieldError[]): void {
  if (weight < 1 || weight > 100) errors.push(invalid(`${field}.weight`, weight, 'must be in the range 1-100'))
}

function nodeTermErrors(term: NodeSelectorTerm, field: string, errors: FieldError[]): void {
  for (const [i, { key, operator, values }] of (term.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`
    const count = values?.length ?? 0
    if (operator === 'In' || operator === 'NotIn') {
      if (count === 0) errors.push(required(`${at}.values`, IN))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (count > 0) errors.push(forbiddenField(`${at}.values`, EXISTS))
    } else if (operator === 'Gt' || operator === 'Lt') {
      if (count !== 1) {
        errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      }
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'))
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${at}.key`, key, message))
  }
  for (const [i, { key, operator, values }] of (term.matchFields ?? []).entries()) {
    const at = `${field}.matchFields[${i}]`
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'))
    } else if (values?.length !== 1) {
      errors.push(
        required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      )
    }
    if (key !== 'metadata.name') errors.push(invalid(`${at}.key`, key, 'not a valid field selector key'))
  }
}

/** Values that no label can have are refused where they are required; a preference may be in vain. */
function nodeValueErrors(term: NodeSelectorTerm, field: string, errors: FieldError[]): void {
  for (const [i, { values }] of (term.matchExpressions ?? []).entries()) {
    for (const [j, value] of (values ?? []).entries()) {
      const at = `${field}.matchExpressions[${i}].values[${j}]`
      for (const message of labelValueErrors(value)) errors.push(invalid(at, value, message))
    }
  }
}

function podAffinityErrors(affinity: PodAffinity, field: string, errors: FieldError[]): void {
  for (const [i, term] of (affinity[REQUIRED] ?? []).entries())
    podTermErrors(term, `${field}.${REQUIRED}[${i}]`, errors)
  for (const [i, { weight, podAffinityTerm }] of (affinity[PREFERRED] ?? []).entries()) {
    const at = `${field}.${PREFERRED}[${i}]`
    weightErrors(weight, at, errors)
    podTermErrors(podAffinityTerm, `${at}.podAffinityTerm`, errors)
  }
}

function podTermErrors(term: PodAffinityTerm, field: string, errors: FieldError[]): void {
  if (term.labelSelector) addErrors(errors, labelSelectorErrors(`${field}.labelSelector`, term.labelSelector))
  if (term.namespaceSelector)
    addErrors(errors, labelSelectorErrors(`${field}.namespaceSelector`, term.namespaceSelector))
  for (const name of term.namespaces ?? []) {
    for (const message of labelNameErrors(name)) errors.push(invalid(`${field}.namespace`, name, message))
  }
  labelKeyErrors(term, field, errors)
  const key = term.topologyKey ?? ''
  if (key === '') errors.push(required(`${field}.topologyKey`, 'can not be empty'))
  for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${field}.topologyKey`, key, message))
}

/** Keys whose values are taken from the pod itself. */
function labelKeyErrors(term: PodAffinityTerm, field: string, errors: FieldError[]): void {
  for (const name of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    const keys = term[name] ?? []
    const at = `${field}.${name}`
    if (keys.length > 0 && !term.labelSelector) errors.push(forbiddenField(at, NO_SELECTOR))
    else
      for (const [i, key] of keys.entries())
        for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${at}[${i}]`, key, message))
  }
  const mismatched = new Set(term.mismatchLabelKeys)
  for (const [i, key] of (term.matchLabelKeys ?? []).entries()) {
    if (!mismatched.has(key)) continue
    errors.push(invalid(`${field}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  }
}

function spreadErrors(constraints: readonly TopologySpreadConstraint[], field: string, errors: FieldError[]): void {
  const pairs = constraints.map((c) => `{${c.topologyKey}, ${c.whenUnsatisfiable}}`)
  const lastPlace = new Map(pairs.map((pair, i) => [pair, i]))
  for (const [i, constraint] of constraints.entries()) {
    const at = `${field}[${i}]`
    const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint
    if (maxSkew <= 0) errors.push(invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'))
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'))
    if (!ACTIONS.includes(whenUnsatisfiable)) {
      errors.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ACTIONS))
    }
    const pair = pairs[i] ?? ''
    if (i !== lastPlace.get(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair))
    inclusionErrors(constraint, at, errors)
    spreadKeyErrors(constraint, `${at}.matchLabelKeys`, errors)
    if (labelSelector) addErrors(errors, labelSelectorErrors(`${at}.labelSelector`, labelSelector))
  }
}

function inclusionErrors(constraint: TopologySpreadConstraint, field: string, errors: FieldError[]): void {
  const { minDomains, whenUnsatisfiable } = constraint
  if (minDomains !== undefined) {
    const at = `${field}.minDomains`
    if (minDomains <= 0) errors.push(invalid(at, minDomains, 'must be greater than zero'))
    if (whenUnsatisfiable !== 'DoNotSchedule') {
      const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
      errors.push(invalid(at, minDomains, why))
    }
  }
  for (const key of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    const value = constraint[key]
    if (value !== undefined && !INCLUSIONS.includes(value)) {
      errors.push(notSupported(`${field}.${key}`, value, INCLUSIONS))
    }
  }
}

function spreadKeyErrors(
  { matchLabelKeys: keys = [], labelSelector }: TopologySpreadConstraint,
  field: string,
  errors: FieldError[],
): void {
  if (keys.length === 0) return
  if (!labelSelector) errors.push(forbiddenField(field, NO_SELECTOR))
  const selected = new Set([
    ...Object.keys(labelSelector?.matchLabels ?? {}),
    ...(labelSelector?.matchExpressions ?? []).map(({ key }) => key),
  ])
  for (const [i, key] of keys.entries()) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${field}[${i}]`, key, message))
    if (selected.has(key)) {
      errors.push(invalid(`${field}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'))
    }
  }
}
