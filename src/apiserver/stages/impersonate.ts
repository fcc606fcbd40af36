/**
 * Impersonate-User, -Group, -Uid, -Extra-KEY: to ask as somebody else. Everything that is asked for is authorized by itself, at
 * its own scope: nothing of the request is in those checks. Two ways lead there: the verb `impersonate` on each of the parts, or
 * KEP-5284's constrained way, where `impersonate:MODE` allows the parts and `impersonate-on:MODE:VERB` the very request.
 */
import { subdomainErrors } from '../../api/names.ts'
import { type ApiError, badRequest, isApiError } from '../../api/status.ts'
import { assert } from '../../base/assert.ts'
import type { ApiRequest, UserInfo } from '../../wire/exchange.ts'
import {
  ALL_AUTHENTICATED,
  ALL_UNAUTHENTICATED,
  ANONYMOUS_NAME,
  accountGroups,
  accountOf,
  MASTERS,
  NODES,
  nodeOfName,
} from '../authn/names.ts'
import { type Attributes, type Authorizer, NOTHING } from '../authz/authorizer.ts'
import { demand, refusal } from '../authz/refusal.ts'
import type { Stage } from '../exchange.ts'
import { attributesOf } from './authorize.ts'

const EXTRA_PREFIX = 'impersonate-extra-'
const AUTHENTICATION = 'authentication.k8s.io'
/** Requestors whose last way is remembered; then all are forgotten, which costs each a few checks more. */
const REMEMBERED_MAX = 10_000
/** From this many groups or extra values on, one check of `*` is tried before all of them. */
const MANY = 4

const PATH_PATTERN = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/

/** Whom the headers name, as they came. */
interface Wanted {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: ReadonlyMap<string, readonly string[]>
}

interface Mode {
  readonly verb: string
  /** undefined for the verb `impersonate`, which counts for every request. */
  readonly constraint?: string
  fits(wanted: Wanted, requestor: UserInfo): boolean
}

const onlyName = ({ uid, groups, extra }: Wanted) => uid === '' && groups.length === 0 && extra.size === 0

const constrained = (constraint: string, fits: Mode['fits']): Mode => ({
  verb: `impersonate:${constraint}`,
  constraint,
  fits,
})

const MODES: readonly Mode[] = [
  constrained('associated-node', (wanted, requestor) => onlyName(wanted) && isOnNode(requestor, wanted.name)),
  constrained('arbitrary-node', (wanted) => onlyName(wanted) && nodeOfName(wanted.name) !== undefined),
  constrained('serviceaccount', (wanted) => onlyName(wanted) && accountOf(wanted.name) !== undefined),
  constrained('user-info', ({ name }) => nodeOfName(name) === undefined && accountOf(name) === undefined),
  { verb: 'impersonate', fits: () => true },
]

/** A service account whose token says that its pod runs on that very node. */
function isOnNode(requestor: UserInfo, username: string): boolean {
  const nodes = requestor.extra?.['authentication.kubernetes.io/node-name']
  return accountOf(requestor.name) !== undefined && nodes?.length === 1 && nodes[0] === nodeOfName(username)
}

export function impersonate(authorizers: readonly Authorizer[]): Stage {
  const lastWay = new Map<string, Mode>()
  return (exchange) => {
    const wanted = wantedOf(exchange.request)
    if (!wanted) return
    const requestor = exchange.user
    const asked = attributesOf(exchange)
    const last = lastWay.get(requestor.name)
    // What is refused is told of the way that worked last, else of the first that fits.
    let first: ApiError | undefined
    for (const mode of last ? [last, ...MODES.filter((mode) => mode !== last)] : MODES) {
      if (!mode.fits(wanted, requestor)) continue
      const refused = refusedBy(() => check(authorizers, { mode, wanted, requestor, asked }))
      first ??= refused
      if (refused) continue
      if (lastWay.size >= REMEMBERED_MAX) lastWay.clear()
      lastWay.set(requestor.name, mode)
      exchange.user = impersonated(wanted, mode)
      return
    }
    assert(first, 'the last way fits everybody')
    throw first
  }
}

function refusedBy(work: () => void): ApiError | undefined {
  try {
    work()
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return error
    throw error
  }
  return undefined
}

/** Header values as they came, for headers that may come several times and whose values may hold commas. */
function headerValues({ headers, rawHeaders }: ApiRequest): [name: string, value: string][] {
  if (!rawHeaders) return Object.entries(headers)
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''])
  return pairs
}

function wantedOf(request: ApiRequest): Wanted | undefined {
  if (!hasImpersonation(request.headers)) return undefined
  let name: string | undefined
  let uid: string | undefined
  const groups: string[] = []
  const extra = new Map<string, string[]>()
  for (const [header, value] of headerValues(request)) {
    const key = header.toLowerCase()
    if (key === 'impersonate-user') name ??= value
    else if (key === 'impersonate-uid') uid ??= value
    else if (key === 'impersonate-group') groups.push(value)
    else if (key.startsWith(EXTRA_PREFIX)) {
      const name = unescaped(key.slice(EXTRA_PREFIX.length))
      extra.set(name, [...(extra.get(name) ?? []), value])
    }
  }
  const wanted = { name: name ?? '', uid: uid ?? '', groups, extra }
  if (wanted.name) return wanted
  if (onlyName(wanted)) return undefined
  throw badRequest(`requested ${goUser(wanted)} without impersonating a user name`)
}

function hasImpersonation(headers: ApiRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true
  return false
}

/** Percent-encoding; what is badly encoded is taken as it is. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

/** As Go prints a user (%#v). */
function goUser({ uid, groups, extra }: Wanted): string {
  const list = (values: readonly string[]) => `{${values.map((value) => JSON.stringify(value)).join(', ')}}`
  const keys = [...extra.keys()].sort()
  const members = keys.map((key) => `${JSON.stringify(key)}:[]string${list(extra.get(key) ?? [])}`)
  const group = groups.length > 0 ? `[]string${list(groups)}` : '[]string(nil)'
  const more = keys.length > 0 ? `map[string][]string{${members.join(', ')}}` : 'map[string][]string(nil)'
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${group}, Extra:${more}}`
}

interface Check {
  readonly mode: Mode
  readonly wanted: Wanted
  readonly requestor: UserInfo
  readonly asked: Attributes
}

/** Throws 403 for the first part that this way does not allow. */
function check(authorizers: readonly Authorizer[], { mode, wanted, requestor, asked }: Check): void {
  const { verb, constraint } = mode
  const ask = (part: Partial<Attributes>) => demand(authorizers, requestor, { ...NOTHING, verb, ...part })
  if (constraint) demand(authorizers, requestor, { ...asked, verb: `impersonate-on:${constraint}:${asked.verb}` })
  ask(nameAttributes(wanted.name, constraint))
  if (wanted.uid) ask({ group: AUTHENTICATION, resource: 'uids', name: wanted.uid })
  const group = { group: constraint ? AUTHENTICATION : '', resource: 'groups' }
  const extra = { group: AUTHENTICATION, resource: 'userextras' }
  const refuse = (part: Partial<Attributes>, why: string | undefined) => {
    if (constraint && why) throw refusal(requestor, { ...NOTHING, verb, ...part }, why)
  }
  const odd = wanted.groups.includes(MASTERS) ? MASTERS : ''
  refuse({ ...group, name: odd }, oddGroup(wanted.groups))
  checkEach(
    wanted.groups.map((name) => ({ ...group, name })),
    { ...group, name: '*' },
    { ask, constraint },
  )
  for (const [key, values] of wanted.extra) refuse(extra, oddExtra(key, values))
  const values = [...wanted.extra].flatMap(([key, names]) =>
    names.map((name) => ({ ...extra, subresource: key, name })),
  )
  checkEach(values, { ...extra, subresource: '*', name: '*' }, { ask, constraint })
}

function checkEach(
  parts: readonly Partial<Attributes>[],
  all: Partial<Attributes>,
  { ask, constraint }: { ask(part: Partial<Attributes>): void; constraint: string | undefined },
): void {
  if (constraint && parts.length >= MANY && !refusedBy(() => ask(all))) return
  for (const part of parts) ask(part)
}

/** What stands for the name: an account as such in its namespace, a node as such where the way knows nodes, else a user. */
function nameAttributes(name: string, constraint: string | undefined): Partial<Attributes> {
  const group = constraint ? AUTHENTICATION : ''
  const account = accountOf(name)
  if (account) return { group, resource: 'serviceaccounts', ...account }
  const node = constraint && nodeOfName(name)
  if (!node) return { group, resource: 'users', name }
  // Whoever may be the node that he is on may be so on every node.
  return { group, resource: 'nodes', name: constraint === 'associated-node' ? '*' : node }
}

/** Why the constrained ways never allow a group among these. */
function oddGroup(groups: readonly string[]): string | undefined {
  if (groups.includes('')) return 'impersonating the empty string group is not allowed'
  return groups.includes(MASTERS) ? 'impersonating the system:masters group is not allowed' : undefined
}

/** Why they never allow this; a key is `domain/path` in lower case. */
function oddExtra(key: string, values: readonly string[]): string | undefined {
  if (key === '') return 'impersonating the empty string key in extra is not allowed'
  const slash = key.indexOf('/')
  const path = slash < 0 ? '' : key.slice(slash + 1)
  if (subdomainErrors(key.slice(0, slash).toLowerCase()).length > 0 || !PATH_PATTERN.test(path)) {
    const why = 'must be a domain-prefixed path (such as "acme.io/foo")'
    return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${JSON.stringify(key)}: ${why}`
  }
  if (key !== key.toLowerCase())
    return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`
  return values.includes('') ? 'impersonating the empty string value in extra is not allowed' : undefined
}

function impersonated({ name, uid, groups: sent, extra }: Wanted, { constraint }: Mode): UserInfo {
  const account = accountOf(name)
  const node = constraint && nodeOfName(name)
  const groups = node ? [NODES] : account && sent.length === 0 ? accountGroups(account.namespace) : [...sent]
  const more = name === ANONYMOUS_NAME ? ALL_UNAUTHENTICATED : ALL_AUTHENTICATED
  if (!groups.includes(more) && (more === ALL_UNAUTHENTICATED || !groups.includes(ALL_UNAUTHENTICATED)))
    groups.push(more)
  return { name, ...(uid ? { uid } : {}), groups, ...(extra.size > 0 ? { extra: Object.fromEntries(extra) } : {}) }
}
