import { type ApiError, failure, forbidden } from '../../api/status.ts'
import { type Attributes, type Authorizer, decide } from '../authz/authorizer.ts'
import type { Exchange, Stage } from '../exchange.ts'

/** 403, in Kubernetes' words, unless an authorizer says yes. The first opinion counts. */
export function authorize(authorizers: readonly Authorizer[]): Stage {
  return (exchange) => {
    if (decide(authorizers, exchange.user, attributesOf(exchange)).allowed) return undefined
    throw refusal(exchange)
  }
}

/** A list of one object by its name is asked for by that name too. */
function attributesOf({ info, request }: Exchange): Attributes {
  if (info.name || !info.isResource) return info
  const name = /^metadata\.name==?([^,!=]+)$/.exec(request.query.get('fieldSelector') ?? '')?.[1]
  return name ? { ...info, name } : info
}

function refusal(exchange: Exchange): ApiError {
  const { user } = exchange
  const info = attributesOf(exchange)
  const who = `User ${JSON.stringify(user.name)} cannot`
  if (!info.isResource)
    return failure(403, 'Forbidden', `forbidden: ${who} ${info.verb} path ${JSON.stringify(info.path)}`, {})
  const what = info.subresource ? `${info.resource}/${info.subresource}` : info.resource
  const where = info.namespace ? `in the namespace ${JSON.stringify(info.namespace)}` : 'at the cluster scope'
  const why = `${who} ${info.verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(info.group)} ${where}`
  const error = forbidden({ group: info.group, resource: info.resource }, info.name, why)
  if (info.name) return error
  const qualified = info.group ? `${info.resource}.${info.group}` : info.resource
  return failure(403, 'Forbidden', `${qualified} is forbidden: ${why}`, error.status.details)
}
