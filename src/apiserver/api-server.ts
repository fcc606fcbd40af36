/** The API server as a function from request to answer. Sockets are `server.node.ts`'s, in-process callers use it directly. */
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Registry } from '../registry/registry.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from '../wire/exchange.ts'
import { builtInAdmission } from './admission/index.ts'
import { oidcDocuments } from './authn/oidc.ts'
import { serviceAccountTokens, type TokenSigner } from './authn/service-account-tokens.ts'
import { type TokenSource, tokenSources } from './authn/tokens.ts'
import { type Authorizer, privilegedGroup } from './authz/authorizer.ts'
import { defaultRoles } from './authz/default-roles/index.ts'
import { nodeAuthorizer } from './authz/node-authorizer.ts'
import { nodeGraph } from './authz/node-graph.ts'
import { createPolicy, type Defaults } from './authz/policy.ts'
import { rbac } from './authz/rbac.ts'
import type { Parts } from './call.ts'
import { chain } from './chain.ts'
import { dispatch } from './dispatch.ts'
import type { Exchange, Stage } from './exchange.ts'
import { Deadlines, deadlineOf } from './flow/deadline.ts'
import { type FlowLimits, limiter } from './flow/limit.ts'
import { inWantedForm } from './forms.ts'
import type { HealthCheck } from './health.ts'
import { OpenWatches } from './open-watches.ts'
import { openApiHandler } from './openapi/handler.ts'
import { type PlainHandler, type PlainOptions, plainPath } from './plain-paths.ts'
import { requestInfo } from './request-info.ts'
import { errorResponse, withWarnings } from './respond.ts'
import { ANONYMOUS } from './stages/authenticate.ts'
import { VIRTUAL_RESOURCES } from './virtual/index.ts'
import { Warnings } from './warnings.ts'

export interface ApiServerOptions {
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly tokens: TokenSource
  /** ebb's own version, part of what /version says. */
  readonly version?: string
  /** Asked in order, before the privileged group, the node authorizer and roles. */
  readonly authorizers?: readonly Authorizer[]
  /** The roles and bindings that every cluster has, for who stores them; else they are in force and not stored. */
  readonly defaultRoles?: Defaults
  readonly checks?: readonly HealthCheck[]
  /** `host:port` for /api; default 127.0.0.1:6443. */
  address?(): string
  /** More documents. */
  readonly documents?: readonly PlainHandler[]
  readonly flowLimits?: FlowLimits
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
  const counts = new Counts()
  const deadlines = new Deadlines(options.clock)
  const { registry, clock, random } = options
  const policy = createPolicy(registry, options.defaultRoles ?? defaultRoles())
  const authorizers = [
    ...(options.authorizers ?? []),
    privilegedGroup,
    nodeAuthorizer(nodeGraph(registry)),
    rbac(policy),
  ]
  registry.admitWith(builtInAdmission({ authorizers, policy }))
  const parts: Parts = {
    registry,
    clock,
    random,
    watches: new OpenWatches(),
    authorizers,
    signer: options.tokenSigner,
  }
  const declarations = registry.resources.map((resource) => resource.declaration)
  const address = options.address ?? (() => '127.0.0.1:6443')
  const signer = options.tokenSigner
  const plain: PlainOptions = {
    declarations,
    virtual: VIRTUAL_RESOURCES,
    version: options.version ?? '0',
    checks: options.checks ?? [],
    address,
    metrics: () => counts.text(),
    more: [
      openApiHandler([...declarations, ...VIRTUAL_RESOURCES]),
      ...(signer ? [oidcDocuments(signer, address)] : []),
      ...(options.documents ?? []),
    ],
  }
  const tokens = signer
    ? tokenSources([options.tokens, serviceAccountTokens({ signer, registry, clock })])
    : options.tokens
  const stages = chain({ tokens, authorizers })
  const limits = limiter(clock, options.flowLimits)
  const handler = (exchange: Exchange) =>
    exchange.info.isResource ? dispatch(parts, exchange, { tokens }) : plainPath(plain, exchange)
  const serve = (exchange: Exchange) => limits.run(exchange, () => handler(exchange))
  const way: Way = { deadlines, stages, serve, fault: (error, request) => options.fault?.(error, request) }
  return {
    async handle(request) {
      const answer = handle(request, way)
      const response = answer instanceof Promise ? await answer : answer
      counts.add(request.method, response.status)
      return response
    },
    close() {
      parts.watches.close()
      deadlines.close()
    },
  }
}

interface Way {
  readonly deadlines: Deadlines
  readonly stages: readonly Stage[]
  serve(exchange: Exchange): ApiResponse | Promise<ApiResponse>
  fault(error: unknown, request: ApiRequest): void
}

/** What needs to wait for nothing is answered at once, without a promise. */
function handle(request: ApiRequest, way: Way): ApiResponse | Promise<ApiResponse> {
  const info = requestInfo(request.method, request.path, request.query)
  const exchange: Exchange = { request, info, user: ANONYMOUS, warnings: new Warnings() }
  const failed = (error: unknown) =>
    finished(
      errorResponse(error, (fault) => way.fault(fault, request)),
      exchange,
    )
  try {
    // In-process callers wait as long as they like: nobody else's connection is held up.
    const deadline = request.whenOver && deadlineOf(exchange)
    const answer = passed(exchange, way)
    if (!(answer instanceof Promise)) return answer
    return (deadline === undefined ? answer : way.deadlines.within(deadline, answer)).catch(failed)
  } catch (error) {
    return failed(error)
  }
}

function passed(exchange: Exchange, { stages, serve }: Way): ApiResponse | Promise<ApiResponse> {
  for (const stage of stages) stage(exchange)
  const answer = serve(exchange)
  return answer instanceof Promise ? answer.then((made) => finished(made, exchange)) : finished(answer, exchange)
}

/** An answer as it goes out: in the form that is wanted, with its warnings. */
function finished(response: ApiResponse, exchange: Exchange): ApiResponse | Promise<ApiResponse> {
  const answer = inWantedForm(response, exchange)
  if (answer instanceof Promise) return answer.then((made) => withWarnings(made, exchange.warnings.values()))
  return withWarnings(answer, exchange.warnings.values())
}

/** How many requests were answered, by method and status. */
class Counts {
  private readonly byMethod = new Map<string, Map<number, number>>()

  add(method: string, status: number): void {
    let counts = this.byMethod.get(method)
    if (!counts) {
      counts = new Map()
      this.byMethod.set(method, counts)
    }
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }

  text(): string {
    const lines = ['# TYPE apiserver_request_total counter']
    for (const [verb, counts] of [...this.byMethod].sort())
      for (const [code, count] of [...counts].sort())
        lines.push(`apiserver_request_total{verb="${verb}",code="${code}"} ${count}`)
    return `${lines.join('\n')}\n`
  }
}
