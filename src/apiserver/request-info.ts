/** What a path and a method mean, as Kubernetes reads them (apiserver's RequestInfo). */
import { own } from '../base/own.ts'

export interface RequestInfo {
  /** A path below /api or /apis that names a resource. */
  readonly isResource: boolean
  /** get list watch create update patch delete deletecollection; for other paths the method in lower case. */
  readonly verb: string
  readonly path: string
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** What follows the subresource, for proxies. */
  readonly rest: readonly string[]
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Subresources of a namespace; any other second segment is a resource inside of it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = split(path)
  const grouped = parts[0] === 'apis'
  const least = grouped ? 4 : 3
  if ((parts[0] !== 'api' && !grouped) || parts.length < least) return nonResource(method, path)
  const group = grouped ? (parts[1] ?? '') : ''
  const version = (grouped ? parts[2] : parts[1]) ?? ''
  let rest = parts.slice(least - 1)
  const legacyWatch = rest[0] === 'watch' && rest.length > 1
  if (legacyWatch) rest = rest.slice(1)
  const target = resourceOf(rest)
  const verb = verbOf(method, query, { named: target.name !== '', legacyWatch, sub: target.subresource !== '' })
  // The name of a legacy watch is a selector, no object.
  return { isResource: true, verb, path, group, version, ...target }
}

function split(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) if (part !== '') parts.push(part.includes('%') ? decode(part) : part)
  return parts
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function nonResource(method: string, path: string): RequestInfo {
  return {
    isResource: false,
    verb: method.toLowerCase(),
    path,
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: [],
  }
}

function resourceOf(
  parts: readonly string[],
): Pick<RequestInfo, 'namespace' | 'resource' | 'name' | 'subresource' | 'rest'> {
  let namespace = ''
  let at = 0
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] ?? ''
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2] ?? '')) at = 2
  }
  return {
    namespace,
    resource: parts[at] ?? '',
    name: parts[at + 1] ?? '',
    subresource: parts[at + 2] ?? '',
    rest: parts.slice(at + 3),
  }
}

function verbOf(
  method: string,
  query: URLSearchParams,
  { named, legacyWatch, sub }: { named: boolean; legacyWatch: boolean; sub: boolean },
): string {
  const verb = own(VERBS, method) ?? ''
  if (verb === 'get' && legacyWatch) return 'watch'
  if (verb === 'get' && !named) return isTrue(query.get('watch')) ? 'watch' : 'list'
  if (verb === 'delete' && !named && !sub) return 'deletecollection'
  return verb
}

/** Whether a method leaves everything as it is; then it has no body either. */
export const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD'

/** How Kubernetes reads a boolean of the query: present is true, but for `0` and `false`. */
export function isTrue(value: string | null): boolean {
  if (value === null) return false
  const text = value.toLowerCase()
  return text !== '0' && text !== 'false'
}
