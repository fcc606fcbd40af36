/**
 * Label selectors: the text form of queries (`app=web,tier in (a,b),!gone`), the LabelSelector of specs, matching and the
 * canonical text. Sentences about malformed ones are those of Kubernetes' API. Source: docs, "Labels and Selectors".
 *
 *   const selector = parseLabelSelector('app=web,env notin (dev)')
 *   selector.matches({ app: 'web' })   // true
 *   String(selector)                   // 'app=web,env notin (dev)'
 */
import { own } from '../base/own.ts'
import { labelValueErrors, qualifiedNameErrors } from './names.ts'
import { type Operator, parseRequirements, type Requirement, SelectorError } from './selector-parser.ts'
import type { LabelSelector } from './types/meta-v1.gen.ts'

export { type Requirement, SelectorError }

export type Labels = Readonly<Record<string, string>> | undefined

/** All requirements must hold; one without any selects everything. */
export class Selector {
  /** Sorted by key. */
  readonly requirements: readonly Requirement[]
  /** True for `nothing`: selects no object at all. */
  readonly none: boolean

  constructor(requirements: readonly Requirement[], none = false) {
    this.requirements = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    this.none = none
  }

  get empty(): boolean {
    return this.requirements.length === 0 && !this.none
  }

  matches(labels: Labels): boolean {
    if (this.none) return false
    for (const requirement of this.requirements) if (!holds(requirement, labels)) return false
    return true
  }

  /** A label that every selected object has with this very value: what an index can be asked for. */
  get exact(): { readonly key: string; readonly value: string } | undefined {
    for (const { key, operator, values } of this.requirements) {
      const [value] = values
      if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1 && value !== undefined)
        return { key, value }
    }
    return undefined
  }

  toString(): string {
    return this.requirements.map(requirementText).join(',')
  }
}

export const everything = new Selector([])
export const nothing = new Selector([], true)

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    default:
      return value !== undefined && compares(value, operator, values[0] ?? '')
  }
}

const INTEGER = /^[-+]?\d{1,19}$/

function compares(value: string, operator: '>' | '<', bound: string): boolean {
  if (!INTEGER.test(value)) return false
  return operator === '>' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound)
}

function requirementText({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key
  if (operator === '!') return `!${key}`
  if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${values.join(',')})`
  return `${key}${operator}${values[0] ?? ''}`
}

/** Throws SelectorError with Kubernetes' sentence. An empty text selects everything. */
export function parseLabelSelector(text: string): Selector {
  return text === '' ? everything : new Selector(parseRequirements(text, checkRequirement))
}

/** Throws SelectorError when key or values cannot be those of a label. */
function checkRequirement(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement
  const problems = qualifiedNameErrors(key)
  if (problems.length) throw new SelectorError(`key: Invalid value: ${JSON.stringify(key)}: ${problems.join('; ')}`)
  if (operator === '>' || operator === '<') {
    const [bound = ''] = values
    if (!INTEGER.test(bound))
      throw new SelectorError(
        `values[0]: Invalid value: ${JSON.stringify(bound)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      )
  }
  for (const [i, value] of values.entries()) {
    const wrong = labelValueErrors(value)
    if (wrong.length)
      throw new SelectorError(`values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong.join('; ')}`)
  }
  return requirement
}

const OPERATORS: Readonly<Record<string, Operator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' }

/** The selector of a spec: none selects nothing, an empty one everything. Throws SelectorError for an unknown operator. */
export function labelSelector(selector: LabelSelector | undefined): Selector {
  if (!selector) return nothing
  const requirements: Requirement[] = equalities(selector.matchLabels)
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = own(OPERATORS, operator)
    if (!known) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`)
    requirements.push({ key, operator: known, values: [...new Set(values ?? [])].sort() })
  }
  return requirements.length ? new Selector(requirements) : everything
}

/** The selector of a Service or ReplicationController: pairs that must all be there. None or empty selects nothing. */
export function mapSelector(pairs: Labels): Selector {
  const requirements = equalities(pairs)
  return requirements.length ? new Selector(requirements) : nothing
}

function equalities(pairs: Labels): Requirement[] {
  return Object.entries(pairs ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] }))
}
