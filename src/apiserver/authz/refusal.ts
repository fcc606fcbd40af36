/** 403 in Kubernetes' words. Source: apiserver, responsewriters.ForbiddenStatusError. */
import { type ApiError, failure, forbidden } from '../../api/status.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import { type Attributes, type Authorizer, decide } from './authorizer.ts'

/** Names come from outside, and some readers show the sentence as HTML. */
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

export function refusal(user: UserInfo, asked: Attributes, reason?: string): ApiError {
  const said = sentence(user, asked).replace(/[&<>]/g, (character) => ESCAPES[character] ?? character)
  const why = reason ? `${said}: ${reason}` : said
  if (!asked.isResource) return failure(403, 'Forbidden', `forbidden: ${why}`, {})
  return forbidden({ group: asked.group, resource: asked.resource }, asked.name, why)
}

/** Throws unless somebody allows it. */
export function demand(authorizers: readonly Authorizer[], user: UserInfo, asked: Attributes): void {
  const { allowed, reason } = decide(authorizers, user, asked)
  if (!allowed) throw refusal(user, asked, reason)
}

function sentence(user: UserInfo, { isResource, verb, path, group, resource, subresource, namespace }: Attributes) {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`
  if (!isResource) return `${who} path ${JSON.stringify(path)}`
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource)
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`
}
