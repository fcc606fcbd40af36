import { type FieldTerm, parseFieldSelector } from '../../api/field-selector.ts'
import { pathSegmentErrors } from '../../api/names.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import { demand } from '../authz/refusal.ts'
import type { Exchange, Stage } from '../exchange.ts'

/** 403, in Kubernetes' words, unless an authorizer says yes. */
export function authorize(authorizers: readonly Authorizer[]): Stage {
  return (exchange) => {
    demand(authorizers, exchange.user, attributesOf(exchange))
  }
}

/** A list or watch is asked for with its field selector; one of a single object, by its name too. */
export function attributesOf({ info, request }: Pick<Exchange, 'info' | 'request'>): Attributes {
  if (info.verb !== 'list' && info.verb !== 'watch') return info
  const text = request.query.get('fieldSelector')
  const fields = text ? fieldTerms(text) : undefined
  if (!fields) return info
  const named = fields.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value ?? ''
  const name = info.name || (pathSegmentErrors(named).length === 0 ? named : '')
  return { ...info, name, fields }
}

/** undefined: a selector that is none; whoever reads it says so. */
export function fieldTerms(text: string): readonly FieldTerm[] | undefined {
  try {
    return parseFieldSelector(text)
  } catch {
    return undefined
  }
}
