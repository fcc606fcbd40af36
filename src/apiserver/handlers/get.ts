import { parseResourceVersion } from '../../registry/read.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Call } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'

/** GET of one object, or of a subresource that is the object itself (status). */
export async function handleGet(call: Call): Promise<ApiResponse> {
  const { info, request } = call.exchange
  const output = outputOf(call)
  const namespace = call.resource.declaration.namespaced ? info.namespace : ''
  const text = request.query.get('resourceVersion')
  const target = { namespace, name: info.name, ...(text ? { revision: parseResourceVersion(text) } : {}) }
  return answerItem(output, await call.parts.registry.get(call.resource, target))
}
