import type { Draft, KubernetesObject } from '../../api/object.ts'
import { badRequest } from '../../api/status.ts'
import { draftOf } from '../../registry/draft.ts'
import { placeInNamespace, type UpdateRequest } from '../../registry/write.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { readObject } from '../body.ts'
import { type Call, demandVerb, writeOptions } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'
import { writeQuery } from '../write-query.ts'
import { strategyOf } from './strategy.ts'

/** PUT of an object or a subresource: 200, or 201 where the kind lets a PUT create. */
export async function handleUpdate(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const query = writeQuery(call.exchange, 'UpdateOptions')
  const sent = await readObject(call, query)
  const { info } = call.exchange
  const { declaration } = call.resource
  sent.metadata ??= {}
  checkName(sent, info.name)
  placeInNamespace(sent, declaration.namespaced ? info.namespace : '')
  declaration.default?.(sent)
  const request: UpdateRequest = {
    subresource: info.subresource,
    strategy: strategyOf(call),
    uid: sent.metadata.uid,
    unconditional: declaration.unconditionalUpdate !== false,
    // The body is needed again only when the object moved meanwhile or has to be created.
    transform: () => draftOf(sent) as Draft<KubernetesObject>,
    ...(declaration.createOnUpdate && !info.subresource ? { createMissing: () => createdBy(call, sent) } : {}),
  }
  const { item, created } = await call.parts.registry.update(call.resource, request, writeOptions(call, query))
  return answerItem(output, item, created ? 201 : 200)
}

/** Who may only update may not create by it. */
function createdBy(call: Call, sent: Draft<KubernetesObject>): Draft<KubernetesObject> {
  demandVerb(call, 'create')
  return draftOf(sent) as Draft<KubernetesObject>
}

export function checkName(object: Draft<KubernetesObject>, name: string): void {
  const sent = object.metadata.name
  if (!sent) object.metadata.name = name
  else if (sent !== name)
    throw badRequest(`the name of the object (${sent}) does not match the name on the URL (${name})`)
}
