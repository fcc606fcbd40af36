import type { ApiResponse } from '../../wire/exchange.ts'
import { readObject } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'
import { writeQuery } from '../write-query.ts'

/** POST on a collection: 201 with the object as it is stored. */
export async function handleCreate(call: Call): Promise<ApiResponse> {
  const output = outputOf(call)
  const query = writeQuery(call.exchange, 'CreateOptions')
  const draft = await readObject(call, query)
  call.resource.declaration.default?.(draft)
  const item = await call.parts.registry.create(call.resource, draft, writeOptions(call, query))
  return answerItem(output, item, 201)
}
