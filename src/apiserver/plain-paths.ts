/** Paths that are no resources: health, version, metrics, discovery, and documents that others provide (OpenAPI). */
import type { ApiResponse } from '../wire/exchange.ts'
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
import { methodNotAllowed, objectResponse, pageNotFound, textResponse } from './respond.ts'
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
  if (!document) return path === '/' ? objectResponse({ paths: rootPaths(options) }) : pageNotFound()
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  return document
}

function documentAt(options: PlainOptions, { request }: Exchange, path: string): ApiResponse | undefined {
  const declarations = [...options.declarations, ...options.virtual]
  if (path === '/version') return objectResponse(versionInfo(options.version))
  const combined = wantsAggregated(request.headers.accept ?? '')
  if (path === '/api')
    return combined
      ? objectResponse(aggregated(declarations, 'core'), 200, AGGREGATED_TYPE)
      : objectResponse(apiVersions(options.address()))
  if (path === '/apis')
    return combined
      ? objectResponse(aggregated(declarations, 'named'), 200, AGGREGATED_TYPE)
      : objectResponse(apiGroupList(declarations))
  const parts = path.slice(1).split('/')
  const found =
    parts[0] === 'api' && parts.length === 2
      ? apiResourceList(declarations, '', parts[1] ?? '')
      : parts[0] === 'apis' && parts.length === 2
        ? apiGroup(declarations, parts[1] ?? '')
        : parts[0] === 'apis' && parts.length === 3
          ? apiResourceList(declarations, parts[1] ?? '', parts[2] ?? '')
          : undefined
  return found && objectResponse(found)
}

/** Whether the client's first choice is aggregated discovery; v2beta1 is gone. */
function wantsAggregated(accept: string): boolean {
  const first = accept.split(',').find((part) => part.includes('json') || part.includes('*/*')) ?? ''
  return first.includes('as=APIGroupDiscoveryList') && /;\s*v=v2(?:\s*;|\s*$|\s*,)/.test(`${first};`)
}

function rootPaths({ declarations }: PlainOptions): string[] {
  const paths = ['/api', '/api/v1', '/apis']
  for (const { group, version } of declarations) if (group) paths.push(`/apis/${group}`, `/apis/${group}/${version}`)
  return [
    ...new Set([...paths, '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version']),
  ].sort()
}
