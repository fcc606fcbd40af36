import type { Draft, KubernetesObject } from '../../api/object.ts'
import { placeInNamespace, type UpdateRequest } from '../../registry/write.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { readPatchOf } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'
import { callApplies, handleApply, patchQuery } from './apply.ts'
import { strategyOf } from './strategy.ts'
import { checkName } from './update.ts'

/** PATCH of an object or a subresource: JSON patch, merge patch, strategic merge patch, or apply. */
export async function handlePatch(call: Call): Promise<ApiResponse> {
  if (callApplies(call)) return handleApply(call)
  const output = outputOf(call)
  const query = patchQuery(call.exchange)
  const { info } = call.exchange
  const { declaration } = call.resource
  const patched = await readPatchOf(call, declaration.definition, query)
  const complete = (draft: Draft<KubernetesObject>): Draft<KubernetesObject> => {
    draft.metadata ??= {}
    checkName(draft, info.name)
    placeInNamespace(draft, declaration.namespaced ? info.namespace : '')
    declaration.default?.(draft)
    return draft
  }
  const transform: UpdateRequest['transform'] = (current, pause) => {
    const draft = patched(current, pause)
    return draft instanceof Promise ? draft.then(complete) : complete(draft)
  }
  const request = {
    subresource: info.subresource,
    strategy: strategyOf(call),
    unconditional: true,
    transform,
  }
  const { item } = await call.parts.registry.update(call.resource, request, writeOptions(call, query))
  return answerItem(output, item)
}
