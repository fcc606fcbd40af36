/** Paths that are no resources: health, version, metrics, discovery, and documents that others provide (OpenAPI). */
import type { ApiResponse } from '../wire/exchange.ts'
import { negotiate, negotiateDiscovery } from '../wire/negotiate.ts'
import { OIDC_PATHS } from './authn/oidc.ts'
import {
  AGGREGATED_TYPE,
  aggregated,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type Declarations,
} from './discovery.ts'
import type { Exchange } from './exchange.ts'
import { type HealthCheck, health } from './health.ts'
import {
  documentResponse,
  methodNotAllowed,
  objectResponse,
  pageNotFound,
  resourceNotFound,
  textResponse,
} from './respond.ts'
import { versionInfo } from './version.ts'

/** A document at a path of its own; undefined: not mine. */
export type PlainHandler = (exchange: Exchange) => ApiResponse | undefined | Promise<ApiResponse | undefined>

export interface PlainOptions {
  readonly declarations: Declarations
  /** Resources that are answered and not stored. */
  readonly virtual: Declarations
  readonly version: string
  readonly checks: readonly HealthCheck[]
  /** `host:port` that clients can reach. */
  address(): string
  metrics(): string
  readonly more: readonly PlainHandler[]
}

export async function plainPath(options: PlainOptions, exchange: Exchange): Promise<ApiResponse> {
  const { request } = exchange
  const path = request.path.length > 1 && request.path.endsWith('/') ? request.path.slice(0, -1) : request.path
  const healthy = health(path, request.query, options.checks)
  if (healthy) return healthy
  for (const handler of options.more) {
    const answer = await handler(exchange)
    if (answer) return answer
  }
  if (path === '/metrics') return textResponse(options.metrics())
  const document = documentAt(options, exchange, path)
  if (!document) return path === '/' ? documentResponse({ paths: rootPaths(options) }) : pageNotFound()
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  return document
}

function documentAt(options: PlainOptions, { request }: Exchange, path: string): ApiResponse | undefined {
  const declarations = [...options.declarations, ...options.virtual]
  const { accept } = request.headers
  if (path === '/version') return documentResponse(versionInfo(options.version))
  if (path === '/api')
    return negotiateDiscovery(accept) === 'aggregated'
      ? objectResponse(aggregated(declarations, 'core'), 200, AGGREGATED_TYPE)
      : objectResponse(apiVersions(options.address()))
  if (path === '/apis')
    return negotiateDiscovery(accept) === 'aggregated'
      ? objectResponse(aggregated(declarations, 'named'), 200, AGGREGATED_TYPE)
      : objectResponse(apiGroupList(declarations))
  const [root, first = '', second, ...rest] = path.slice(1).split('/')
  const core = root === 'api' && second === undefined
  if ((root !== 'apis' && !core) || rest.length > 0) return undefined
  const group = core ? {} : apiGroup(declarations, first)
  // Of a group that is served a version that is not is a Status; an unknown group is Kubernetes' plain page.
  if (!group) return undefined
  negotiate(accept)
  if (!core && second === undefined) return objectResponse(group)
  const list = core ? apiResourceList(declarations, '', first) : apiResourceList(declarations, first, second ?? '')
  if (!list) throw resourceNotFound()
  return objectResponse(list)
}

const OWN_PATHS = ['/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version']

function rootPaths({ declarations }: PlainOptions): string[] {
  const paths = ['/api', '/api/v1', '/apis']
  for (const { group, version } of declarations) if (group) paths.push(`/apis/${group}`, `/apis/${group}/${version}`)
  return [...new Set([...paths, ...Object.values(OIDC_PATHS), ...OWN_PATHS])].sort()
}
