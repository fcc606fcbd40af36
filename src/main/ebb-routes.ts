/**
 * What ebb serves beside the Kubernetes API, below /ebb/v1, to its administrator and its nodes:
 *
 *   GET  /ebb/v1/trace[?since=MS][&follow=true]   the trace as JSON lines
 *   POST /ebb/v1/trace                            a node's trace events: an array, taken whole or refused whole
 *   POST /ebb/v1/relays {"target":"10.96.0.7:80"} opens an address on the host that reaches a Service or pod; {"address":"127.0.0.1:4711"}
 *   GET  /ebb/v1/images                           what image references run: {"REFERENCE":"PATH"}
 *   POST /ebb/v1/images {"map":{"REFERENCE":"PATH"},"unmap":["REFERENCE"]}   changes that, and answers with all of them
 *   POST /ebb/v1/nodes/NAME/stop|start            ends a node's process, starts it again; its pods live on
 */
import { badRequest, failure, isApiError, type Status } from '../api/status.ts'
import { type EbbTraceEvent, traceEventError } from '../api/trace-steps.ts'
import type { Authorizer } from '../apiserver/authz/authorizer.ts'
import { nodeOf } from '../apiserver/authz/node-authorizer.ts'
import { Channel } from '../base/channel.ts'
import type { ApiRequest, ApiResponse } from '../wire/exchange.ts'
import type { TraceHub } from './trace-hub.ts'

/** Lines waiting for a slow reader of the trace; it is cut off when they are more. */
const TRACE_LINES_MAX = 10_000

export interface EbbRoutes {
  readonly hub: TraceHub
  readonly images: {
    readonly all: Readonly<Record<string, string>>
    change(change: { readonly map?: Readonly<Record<string, string>>; readonly unmap?: readonly string[] }): void
  }
  openRelay(target: string): Promise<string>
  nodeProcess(name: string, action: 'stop' | 'start'): Promise<void>
}

export const ROUTES_PREFIX = '/ebb/v1/'

/** Nodes tell what they do, and use nothing else of ebb's own paths. */
export const ebbRoutesForNodes: Authorizer = {
  authorize(user, { isResource, verb, path }) {
    if (isResource || verb !== 'post' || path !== `${ROUTES_PREFIX}trace`) return undefined
    return nodeOf(user) ? { allowed: true } : undefined
  },
}

/** Answers a request below ROUTES_PREFIX that was authorized. */
export async function serveEbb(routes: EbbRoutes, request: ApiRequest): Promise<ApiResponse> {
  try {
    return await route(routes, request)
  } catch (error) {
    if (isApiError(error)) return json(error.code, error.status)
    const message = error instanceof Error ? error.message : String(error)
    return json(500, failure(500, 'InternalError', message).status)
  }
}

async function route(routes: EbbRoutes, request: ApiRequest): Promise<ApiResponse> {
  const path = request.path.slice(ROUTES_PREFIX.length)
  const action = /^nodes\/([^/]+)\/(stop|start)$/.exec(path)
  if (request.method === 'GET' && path === 'trace') return trace(routes.hub, request)
  if (request.method === 'GET' && path === 'images') return json(200, routes.images.all)
  if (request.method !== 'POST') throw failure(404, 'NotFound', `there is nothing at ${request.path}`)
  const body = await readJson(request)
  if (path === 'trace') {
    if (!Array.isArray(body)) throw badRequest('the body must be an array of trace events')
    // All or none: a reader of the trace takes every event for a good one.
    for (const [i, event] of body.entries()) {
      const wrong = traceEventError(event)
      if (wrong) throw badRequest(`event ${i} of the trace ${wrong}`)
    }
    for (const event of body as EbbTraceEvent[]) routes.hub.emit(event)
    return json(200, {})
  }
  if (path === 'relays') {
    const target = (body as { target?: unknown })?.target
    if (typeof target !== 'string') throw badRequest('the body must be {"target":"ADDRESS:PORT"}')
    return json(200, { address: await routes.openRelay(target) })
  }
  if (path === 'images') {
    routes.images.change(imageChange(body))
    return json(200, routes.images.all)
  }
  if (action) {
    await routes.nodeProcess(action[1] as string, action[2] as 'stop' | 'start')
    return json(200, {})
  }
  throw failure(404, 'NotFound', `there is nothing at ${request.path}`)
}

function imageChange(body: unknown): { map: Record<string, string>; unmap: string[] } {
  const { map = {}, unmap = [] } = (body ?? {}) as { map?: unknown; unmap?: unknown }
  const isText = (value: unknown) => typeof value === 'string'
  const isMap = typeof map === 'object' && map !== null && Object.values(map).every(isText)
  if (isMap && Array.isArray(unmap) && unmap.every(isText)) return { map: map as Record<string, string>, unmap }
  throw badRequest('the body must be {"map":{"REFERENCE":"PATH"},"unmap":["REFERENCE"]}')
}

function trace(hub: TraceHub, request: ApiRequest): ApiResponse {
  const since = Number(request.query.get('since') ?? 0)
  const follow = request.query.get('follow') === 'true'
  const headers = { 'content-type': 'application/x-ndjson' }
  if (!follow) return { status: 200, headers, body: { type: 'stream', stream: once(hub.since(since)) } }
  const queue = new Channel<EbbTraceEvent>(TRACE_LINES_MAX)
  for (const event of hub.since(since)) queue.push(event)
  const stop = hub.subscribe((event) => {
    if (!queue.push(event)) queue.close()
  })
  request.signal.addEventListener('abort', () => {
    stop()
    queue.close()
  })
  return { status: 200, headers, body: { type: 'stream', stream: lines(queue) } }
}

const encoder = new TextEncoder()
const line = (event: EbbTraceEvent) => encoder.encode(`${JSON.stringify(event)}\n`)

async function* once(events: readonly EbbTraceEvent[]): AsyncIterable<Uint8Array> {
  for (const event of events) yield line(event)
}

async function* lines(queue: AsyncIterable<EbbTraceEvent>): AsyncIterable<Uint8Array> {
  for await (const event of queue) yield line(event)
}

async function readJson(request: ApiRequest): Promise<unknown> {
  const body = await request.body()
  if (body === undefined) return undefined
  if ('object' in body) return body.object
  try {
    return JSON.parse(new TextDecoder().decode(body.bytes))
  } catch {
    throw badRequest('the body is not JSON')
  }
}

function json(status: number, object: unknown | Status): ApiResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: { type: 'object', object, bytes: () => encoder.encode(JSON.stringify(object)) },
  }
}
