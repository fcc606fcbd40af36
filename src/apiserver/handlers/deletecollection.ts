import type { ApiResponse } from '../../wire/exchange.ts'
import { type Call, writeOptions } from '../call.ts'
import { readDeleteOptions } from '../delete-options.ts'
import { listOptions } from '../list-query.ts'
import { answerList, outputOf } from '../output.ts'

/** DELETE of a collection: 200 with the list as it was. */
export async function handleDeleteCollection(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const selection = listOptions(call.exchange, call.resource)
  const { options, dryRun } = await readDeleteOptions(call)
  const write = writeOptions(call, { dryRun, fieldManager: '' })
  const listed = await call.parts.registry.deleteCollection(call.resource, selection, write, options)
  return answerList(output, listed)
}
