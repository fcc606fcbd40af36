/** The API server as a function from request to answer. Sockets are `server.node.ts`'s, in-process callers use it directly. */
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Registry } from '../registry/registry.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from '../wire/exchange.ts'
import { negotiate } from '../wire/negotiate.ts'
import { serviceAccountTokens, type TokenSigner } from './authn/service-account-tokens.ts'
import { type TokenSource, tokenSources } from './authn/tokens.ts'
import { type Authorizer, builtInRules } from './authz/authorizer.ts'
import { rbac } from './authz/rbac.ts'
import type { Parts } from './call.ts'
import { chain } from './chain.ts'
import { dispatch } from './dispatch.ts'
import type { Exchange, Stage } from './exchange.ts'
import type { HealthCheck } from './health.ts'
import { OpenWatches } from './open-watches.ts'
import { openApiHandler } from './openapi/handler.ts'
import { type PlainHandler, type PlainOptions, plainPath } from './plain-paths.ts'
import { requestInfo } from './request-info.ts'
import { errorResponse, indented, withWarnings } from './respond.ts'
import { ANONYMOUS } from './stages/authenticate.ts'
import { IN_FLIGHT_MAX } from './stages/limit.ts'
import { VIRTUAL_RESOURCES } from './virtual/index.ts'
import { Warnings } from './warnings.ts'

export interface ApiServerOptions {
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly tokens: TokenSource
  /** ebb's own version, part of what /version says. */
  readonly version?: string
  /** Asked in order, before ebb's own rules. */
  readonly authorizers?: readonly Authorizer[]
  readonly checks?: readonly HealthCheck[]
  /** `host:port` for /api; default 127.0.0.1:6443. */
  address?(): string
  /** More documents. */
  readonly documents?: readonly PlainHandler[]
  readonly inFlightMax?: number
  /** Signs the tokens of service accounts (`jwt.node.ts`); without it there are none. */
  readonly tokenSigner?: TokenSigner
  /** Told of faults of our own (500), which clients see only as such. */
  fault?(error: unknown, request: ApiRequest): void
}

export interface ApiServer {
  readonly handle: ApiHandler
  /** Ends all watches; later requests are still answered. */
  close(): void
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const counts = new Map<string, number>()
  const { registry, clock, random } = options
  const parts: Parts = { registry, clock, random, watches: new OpenWatches(), signer: options.tokenSigner }
  const declarations = registry.resources.map((resource) => resource.declaration)
  const plain: PlainOptions = {
    declarations,
    virtual: VIRTUAL_RESOURCES,
    version: options.version ?? '0',
    checks: options.checks ?? [],
    address: options.address ?? (() => '127.0.0.1:6443'),
    metrics: () => metricsText(counts),
    more: [openApiHandler([...declarations, ...VIRTUAL_RESOURCES]), ...(options.documents ?? [])],
  }
  const signer = options.tokenSigner
  const tokens = signer
    ? tokenSources([options.tokens, serviceAccountTokens({ signer, registry, clock })])
    : options.tokens
  const authorizers = [...(options.authorizers ?? []), builtInRules, rbac(registry)]
  const stages = chain({
    tokens,
    authorizers,
    inFlightMax: options.inFlightMax ?? IN_FLIGHT_MAX,
  })
  const serve = (exchange: Exchange) =>
    exchange.info.isResource ? dispatch(parts, exchange, { tokens, authorizers }) : plainPath(plain, exchange)
  return {
    async handle(request) {
      const response = await handle(request, { stages, serve, fault: (error) => options.fault?.(error, request) })
      const key = `${request.method} ${response.status}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return response
    },
    close: () => parts.watches.close(),
  }
}

interface Way {
  readonly stages: readonly Stage[]
  serve(exchange: Exchange): ApiResponse | Promise<ApiResponse>
  fault(error: unknown): void
}

async function handle(request: ApiRequest, { stages, serve, fault }: Way): Promise<ApiResponse> {
  const info = requestInfo(request.method, request.path, request.query)
  const exchange: Exchange = { request, info, user: ANONYMOUS, warnings: new Warnings(), ends: [] }
  try {
    for (const stage of stages) {
      const passing = stage(exchange)
      const answer = passing instanceof Promise ? await passing : passing
      if (answer) return answer
    }
    return await finished(await serve(exchange), exchange)
  } catch (error) {
    return await finished(errorResponse(error, fault), exchange)
  } finally {
    for (const end of exchange.ends) end()
  }
}

/** An answer as it goes out: in the form that is wanted, with its warnings. */
function finished(response: ApiResponse, exchange: Exchange): ApiResponse | Promise<ApiResponse> {
  const form = formOf(exchange)
  const warned = (answer: ApiResponse) => withWarnings(answer, exchange.warnings.values())
  return form ? inForm(response, form).then(warned) : warned(response)
}

/** Another form of the answer, errors and discovery too, for those who want one. All answers are made as plain JSON first. */
type Form = 'yaml' | 'indented'

function formOf({ request, info }: Exchange): Form | undefined {
  if (!info.isResource && !/^\/apis?(\/|$)/.test(request.path)) return undefined
  if (asksYaml(request.headers.accept)) return 'yaml'
  return isForEyes(request) ? 'indented' : undefined
}

function asksYaml(accept: string | undefined): boolean {
  try {
    return accept?.includes('yaml') === true && negotiate(accept).format === 'yaml'
  } catch {
    return false
  }
}

/** People read what browsers and curl get; `pretty` says it otherwise. */
function isForEyes({ query, headers }: ApiRequest): boolean {
  const pretty = query.get('pretty')
  if (pretty) return /^(1|t|T|TRUE|true|True)$/.test(pretty)
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}

async function inForm(response: ApiResponse, form: Form): Promise<ApiResponse> {
  const { body, headers } = response
  if (body.type !== 'object' && body.type !== 'list') return response
  const object = body.type === 'list' ? parsed(body.chunks()) : body.object
  if (form === 'indented') return { ...response, body: { type: 'text', text: indented(object) } }
  const { writeYaml } = await import('../wire/yaml/write.ts')
  const yaml = { ...headers, 'content-type': 'application/yaml' }
  return { ...response, headers: yaml, body: { type: 'text', text: writeYaml(object) } }
}

/** A list as it is on the wire, where its items do not repeat their kind. */
function parsed(chunks: readonly Uint8Array[]): unknown {
  const decoder = new TextDecoder()
  return JSON.parse(chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode())
}

function metricsText(counts: ReadonlyMap<string, number>): string {
  const lines = ['# TYPE apiserver_request_total counter']
  for (const [key, count] of [...counts].sort()) {
    const [verb = '', code = ''] = key.split(' ')
    lines.push(`apiserver_request_total{verb="${verb}",code="${code}"} ${count}`)
  }
  return `${lines.join('\n')}\n`
}
