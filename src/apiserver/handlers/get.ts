import { parseResourceVersion } from '../../registry/read.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Call } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'

/** GET of one object, or of a subresource that is the object itself (status). */
export function handleGet(call: Call): ApiResponse | Promise<ApiResponse> {
  const { info, request } = call.exchange
  const output = outputOf(call)
  const namespace = call.resource.declaration.namespaced ? info.namespace : ''
  const text = request.query.get('resourceVersion')
  const revision = text ? parseResourceVersion(text) : undefined
  const item = call.parts.registry.get(call.resource, { namespace, name: info.name, revision })
  return item instanceof Promise ? item.then((found) => answerItem(output, found)) : answerItem(output, item)
}
