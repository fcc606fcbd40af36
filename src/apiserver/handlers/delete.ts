import type { Deleted } from '../../registry/delete.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { type Call, writeOptions } from '../call.ts'
import { readDeleteOptions } from '../delete-options.ts'
import { answerItem, outputOf } from '../output.ts'
import { objectResponse, success } from '../respond.ts'

/** DELETE of one object: 200 with a Status or the object. */
export async function handleDelete(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const { options, dryRun } = await readDeleteOptions(call)
  const write = writeOptions(call, { dryRun, fieldManager: '' })
  const deleted = await call.parts.registry.delete(call.resource, write, options)
  // Kubernetes keeps 202 for those who use the old way of asking for a cascade; everybody else gets 200.
  const status = !deleted.removed && options.orphanDependents === false ? 202 : 200
  if (deleted.answer === 'object') return answerItem(output, deleted.item, status)
  return objectResponse(success(detailsOf(call, deleted)), status)
}

function detailsOf({ resource: { groupResource } }: Call, { item }: Deleted) {
  const { name, uid } = item.object.metadata
  const { group, resource } = groupResource
  return { name: name ?? '', ...(group ? { group } : {}), kind: resource, uid: uid ?? '' }
}
