/** From a request's resource, subresource and verb to its handler; 404 and 405 for what is not served. */
import { own } from '../base/own.ts'
import type { StoredResource } from '../registry/resource.ts'
import type { ActionDeclaration } from '../resources/declaration.ts'
import type { ApiResponse } from '../wire/exchange.ts'
import { refuseTable } from '../wire/negotiate.ts'
import { type Call, type Handler, type Parts, warn } from './call.ts'
import type { Exchange } from './exchange.ts'
import { actions } from './handlers/actions.ts'
import { handleCreate } from './handlers/create.ts'
import { handleDelete } from './handlers/delete.ts'
import { handleDeleteCollection } from './handlers/deletecollection.ts'
import { handleGet } from './handlers/get.ts'
import { handleList } from './handlers/list.ts'
import { handlePatch } from './handlers/patch.ts'
import { handleScale } from './handlers/scale.ts'
import { handleUpdate } from './handlers/update.ts'
import { handleWatch } from './handlers/watch.ts'
import { methodNotAllowed, pageNotFound, resourceNotFound } from './respond.ts'
import { VIRTUAL_RESOURCES } from './virtual/index.ts'
import type { VirtualCall } from './virtual/virtual-resource.ts'

const VERBS: Readonly<Record<string, Handler>> = {
  create: handleCreate,
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  update: handleUpdate,
  patch: handlePatch,
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
}

export const DEFAULT_VERBS: readonly string[] = Object.keys(VERBS)

export function dispatch(
  parts: Parts,
  exchange: Exchange,
  { tokens }: Pick<VirtualCall, 'tokens'>,
): ApiResponse | Promise<ApiResponse> {
  const { info, request } = exchange
  const resource = parts.registry.find(info.group, info.version, info.resource)
  if (!resource) return virtual({ parts, exchange, tokens })
  if (!placed(resource, exchange)) throw resourceNotFound()
  const call: Call = { parts, exchange, resource }
  if (resource.declaration.deprecation) warn(call, resource.declaration.deprecation)
  if (info.subresource) return subresource(call)
  if (request.method === 'HEAD') throw methodNotAllowed()
  const handler = own(VERBS, info.verb)
  const verbs = resource.declaration.verbs ?? DEFAULT_VERBS
  if (!handler || !verbs.includes(info.verb) || !fits(call)) throw methodNotAllowed()
  return handler(call)
}

/** Whether the path has the shape of the resource's scope. */
function placed(resource: StoredResource, { info }: Exchange): boolean {
  if (info.rest.length > 0 && info.subresource !== 'proxy') return false
  if (resource.declaration.namespaced) return info.namespace !== '' || info.name === ''
  return info.namespace === '' || info.resource === 'namespaces'
}

/** Collections across namespaces can only be read; a name makes the difference between an object and a collection. */
function fits({ exchange: { info }, resource }: Call): boolean {
  const everywhere = resource.declaration.namespaced && info.namespace === ''
  switch (info.verb) {
    case 'create':
      return info.name === '' && !everywhere
    case 'update':
    case 'patch':
    case 'delete':
      return info.name !== ''
    case 'deletecollection':
      return !everywhere
    default:
      return true
  }
}

function subresource(call: Call): ApiResponse | Promise<ApiResponse> {
  const { info } = call.exchange
  const { declaration } = call.resource
  if (info.name === '') throw resourceNotFound()
  const written = declaration.subresources?.find((s) => s.name === info.subresource)
  if (written) {
    const handler = own(VERBS, info.verb)
    if (!handler || !(written.verbs as readonly string[]).includes(info.verb)) throw methodNotAllowed()
    return handler(call)
  }
  if (info.subresource === 'scale' && declaration.scale) return handleScale(call)
  const action = declaration.actions?.find((a) => a.name === info.subresource)
  if (!action) throw resourceNotFound()
  return runAction(call, action)
}

function runAction(call: Call, action: ActionDeclaration): ApiResponse | Promise<ApiResponse> {
  const handler = own(actions, action.handler)
  // A proxy passes every method on, also those that are no verb (OPTIONS).
  const isServed = action.name === 'proxy' || action.verbs.includes(call.exchange.info.verb)
  if (!handler || !isServed) throw methodNotAllowed()
  return handler(call)
}

function virtual(call: VirtualCall): ApiResponse | Promise<ApiResponse> {
  const { info } = call.exchange
  const found = VIRTUAL_RESOURCES.find(
    (r) => r.plural === info.resource && r.group === info.group && r.version === info.version,
  )
  if (!found) return unknownResource(call.parts, call.exchange)
  if (info.name || found.namespaced !== (info.namespace !== '')) throw resourceNotFound()
  if (info.verb !== 'create') throw methodNotAllowed()
  refuseTable(call.exchange.request.headers.accept)
  return found.create(call)
}

/** Of a group that is served, a Status; of any other, Kubernetes' plain page. */
function unknownResource(parts: Parts, { info }: Exchange): ApiResponse {
  const groups = [...parts.registry.resources.map((r) => r.declaration), ...VIRTUAL_RESOURCES].map((r) => r.group)
  const served = info.group === '' ? info.version === 'v1' : groups.includes(info.group)
  if (!served) return pageNotFound()
  throw resourceNotFound()
}
