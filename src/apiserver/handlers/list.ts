import type { ApiResponse } from '../../wire/exchange.ts'
import type { Call } from '../call.ts'
import { listOptions } from '../list-query.ts'
import { answerList, outputOf } from '../output.ts'

/** GET of a collection. */
export async function handleList(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const result = await call.parts.registry.list(call.resource, listOptions(call.exchange, call.resource))
  return answerList(output, result)
}
