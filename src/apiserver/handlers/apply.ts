/** Server-side apply: PATCH with application/apply-patch+yaml, of an object, a subresource, or a scale. */
import { forbiddenField, required } from '../../api/field-error.ts'
import { applySteps } from '../../api/managed-fields/apply.ts'
import type { Draft, KubernetesObject } from '../../api/object.ts'
import { definition } from '../../api/schema.ts'
import { badRequest, conflict } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import { type Pause, type Steps, stepwise } from '../../base/steps.ts'
import { placeInNamespace, type Written } from '../../registry/write.ts'
import { isApply, readApply } from '../../wire/apply.ts'
import { ConformError, conform } from '../../wire/conform.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { bodyOf } from '../body.ts'
import { type Call, demandVerb, warn, writeOptions } from '../call.ts'
import type { Exchange } from '../exchange.ts'
import { answerItem, outputOf } from '../output.ts'
import { type WriteQuery, writeQuery } from '../write-query.ts'
import { strategyOf } from './strategy.ts'
import { checkName } from './update.ts'

export const callApplies = ({ exchange }: Call): boolean => isApply(exchange.request.headers['content-type'])

/** The query of a PATCH: an apply must name its manager, the others may not force. */
export function patchQuery(exchange: Exchange): WriteQuery {
  const { query, headers } = exchange.request
  const applies = isApply(headers['content-type'])
  return writeQuery(exchange, 'PatchOptions', [
    ...(applies && !query.get('fieldManager') ? [required('fieldManager', 'is required for apply patch')] : []),
    ...(!applies && query.has('force') ? [forbiddenField('force', 'may not be specified for non-apply patch')] : []),
  ])
}

export async function handleApply(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const query = patchQuery(call.exchange)
  const config = await configOf(call, query)
  const { subresource } = call.exchange.info
  const { item, created } = await writeApplied(call, query, { config, subresource, strategy: strategyOf(call) })
  return answerItem(output, item, created ? 201 : 200)
}

/** What was sent, not yet looked at. */
export async function configOf(call: Call, { fieldValidation }: WriteQuery): Promise<unknown> {
  const { config, warnings } = await readApply(await bodyOf(call.exchange), fieldValidation, call.exchange.pause)
  for (const text of warnings) warn(call, text)
  await call.exchange.pause?.()
  return config
}

export interface Applied {
  readonly config: unknown
  readonly subresource: string
  readonly strategy: ReturnType<typeof strategyOf>
}

/** Applies to the object, or creates it. */
export function writeApplied(call: Call, query: WriteQuery, applied: Applied): Promise<Written> {
  const { resource, parts, exchange } = call
  const { subresource, strategy } = applied
  const make = (live: KubernetesObject | undefined, pause: Pause | undefined) =>
    stepwise(appliedDraft(call, query, applied, live), pause)
  const create = async () => {
    demandVerb(call, 'create')
    const draft = await make(undefined, exchange.pause)
    const { uid } = draft.metadata
    if (!uid) return draft
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
    throw conflict(resource.groupResource, exchange.info.name, why)
  }
  const request = {
    subresource: subresource === 'scale' ? '' : subresource,
    strategy,
    manages: false as const,
    unconditional: true,
    transform: make,
    ...(subresource ? {} : { createMissing: create }),
  }
  return parts.registry.update(resource, request, { ...writeOptions(call, query), applied: true })
}

function* appliedDraft(
  call: Call,
  query: WriteQuery,
  { config, subresource }: Applied,
  live: KubernetesObject | undefined,
): Steps<Draft<KubernetesObject>> {
  const { resource, parts, exchange } = call
  const { declaration, apiVersion } = resource
  const object = yield* applySteps({
    live,
    config,
    manager: query.fieldManager,
    force: exchange.request.query.get('force') === 'true',
    subresource,
    time: rfc3339(parts.clock.now()),
    definition: declaration.definition,
    apiVersion,
  })
  yield
  const draft = conformed(object, declaration.definition)
  checkName(draft, exchange.info.name)
  placeInNamespace(draft, declaration.namespaced ? exchange.info.namespace : '')
  declaration.default?.(draft)
  return draft
}

function conformed(object: object, name: string): Draft<KubernetesObject> {
  try {
    return conform(object, definition(name)).object as unknown as Draft<KubernetesObject>
  } catch (error) {
    throw error instanceof ConformError ? badRequest(error.message) : error
  }
}
