/** DeleteOptions, from the body or else from the query; the body wins. */
import { addErrors, type FieldError, invalid, invalidObject, notSupported } from '../api/field-error.ts'
import type { DeleteOptions } from '../api/object.ts'
import { readDeleteBody } from './body.ts'
import type { Call } from './call.ts'
import { integer } from './list-query.ts'
import { isTrue } from './request-info.ts'
import { dryRunErrors } from './write-query.ts'

const POLICIES = ['Foreground', 'Background', 'Orphan']

export async function readDeleteOptions(call: Call): Promise<{ options: DeleteOptions; dryRun: boolean }> {
  const body = await readDeleteBody(call)
  const options = body ?? optionsOfQuery(call.exchange.request.query)
  const dryRun = options.dryRun ?? []
  const errors = optionErrors(options, dryRun)
  if (errors.length > 0)
    throw invalidObject({ group: 'meta.k8s.io', resource: 'DeleteOptions', kind: 'DeleteOptions' }, '', errors)
  return { options, dryRun: dryRun.length > 0 }
}

function optionsOfQuery(query: URLSearchParams): DeleteOptions {
  if (query.size === 0) return {}
  const grace = integer(query, 'gracePeriodSeconds')
  const orphan = query.get('orphanDependents')
  const policy = query.get('propagationPolicy')
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
    ...(policy === null ? {} : { propagationPolicy: policy as 'Orphan' }),
    ...(query.has('dryRun') ? { dryRun: query.getAll('dryRun') } : {}),
  }
}

function optionErrors(options: DeleteOptions, dryRun: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const { orphanDependents, propagationPolicy } = options
  if (orphanDependents !== undefined && propagationPolicy !== undefined)
    errors.push(
      invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
    )
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy))
    errors.push(notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil']))
  addErrors(errors, dryRunErrors(dryRun))
  return errors
}
