/** The query of lists, watches and collections: selectors, pages, revisions. */
import { type FieldError, forbiddenField, invalidObject, notSupported } from '../api/field-error.ts'
import { badRequest } from '../api/status.ts'
import { filterOf } from '../registry/filter.ts'
import { type ListOptions, parseResourceVersion, type WatchOptions } from '../registry/read.ts'
import type { StoredResource } from '../registry/resource.ts'
import type { Exchange } from './exchange.ts'
import { isTrue } from './request-info.ts'

type Match = 'Exact' | 'NotOlderThan'

/** Options of a list, or of the list behind a deletecollection. */
export function listOptions(exchange: Exchange, resource: StoredResource): ListOptions {
  const { query } = exchange.request
  const limit = integer(query, 'limit')
  integer(query, 'timeoutSeconds')
  const match = query.get('resourceVersionMatch') || undefined
  const token = query.get('continue') || undefined
  const resourceVersion = query.get('resourceVersion') || undefined
  refuse(listErrors({ match, token, resourceVersion, initial: query.has('sendInitialEvents') }))
  return {
    ...selection(exchange, resource),
    ...(limit !== undefined && limit > 0 ? { limit } : {}),
    ...(token ? { continue: token } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(match ? { resourceVersionMatch: match as Match } : {}),
  }
}

function listErrors(sent: {
  match: string | undefined
  token: string | undefined
  resourceVersion: string | undefined
  initial: boolean
}): FieldError[] {
  const errors: FieldError[] = []
  const field = 'resourceVersionMatch'
  if (sent.match !== undefined) {
    if (sent.resourceVersion === undefined)
      errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'))
    if (sent.token) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'))
    if (sent.match !== 'Exact' && sent.match !== 'NotOlderThan')
      errors.push(notSupported(field, sent.match, ['Exact', 'NotOlderThan', '']))
    if (sent.match === 'Exact' && sent.resourceVersion === '0')
      errors.push(forbiddenField(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
  }
  if (sent.initial) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  return errors
}

export function watchOptions(exchange: Exchange, resource: StoredResource): WatchOptions {
  const { query } = exchange.request
  const resourceVersion = query.get('resourceVersion') || undefined
  const match = query.get('resourceVersionMatch') || undefined
  const initial = query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined
  const bookmarks = query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks'))
  const timeout = integer(query, 'timeoutSeconds')
  integer(query, 'limit')
  // A bad one is an answer of its own: once the stream has begun it is too late for that.
  parseResourceVersion(resourceVersion)
  refuse(watchErrors(match, initial, query.get('continue') || undefined))
  return {
    ...selection(exchange, resource),
    ...(resourceVersion ? { resourceVersion } : {}),
    bookmarks,
    ...(initial === undefined ? {} : { sendInitialEvents: initial }),
    ...(timeout !== undefined && timeout > 0 ? { timeoutMs: timeout * 1000 } : {}),
  }
}

function watchErrors(match: string | undefined, initial: boolean | undefined, token: string | undefined): FieldError[] {
  const errors: FieldError[] = []
  const field = 'resourceVersionMatch'
  if (initial !== undefined) {
    if (match !== 'NotOlderThan')
      errors.push(forbiddenField(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  } else if (match !== undefined)
    errors.push(
      forbiddenField(field, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    )
  if (match !== undefined && match !== 'NotOlderThan') errors.push(notSupported(field, match, ['NotOlderThan']))
  if (token) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'))
  return errors
}

function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0)
    throw invalidObject({ group: 'meta.k8s.io', resource: 'ListOptions', kind: 'ListOptions' }, '', errors)
}

function selection(exchange: Exchange, resource: StoredResource): Pick<ListOptions, 'namespace' | 'filter'> {
  const { info, request } = exchange
  const namespace = resource.declaration.namespaced ? info.namespace : ''
  // A name in the path of a list is the old form of a watch on one object.
  const named = info.name ? `metadata.name=${info.name}` : ''
  const fields = [request.query.get('fieldSelector') ?? '', named].filter(Boolean).join(',')
  const filter = filterOf(resource, request.query.get('labelSelector') ?? '', fields)
  return { ...(namespace ? { namespace } : {}), ...(filter ? { filter } : {}) }
}

/** An integer of the query, as Go reads one: 400 for anything else. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const refused = (why: string) => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`)
  if (!/^[+-]?\d+$/.test(text)) throw refused('invalid syntax')
  const exact = BigInt(text.replace('+', ''))
  if (BigInt.asIntN(64, exact) !== exact) throw refused('value out of range')
  return Number(text)
}
