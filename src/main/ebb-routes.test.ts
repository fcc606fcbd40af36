import { expect, it } from 'vitest'
import type { ApiRequest, ApiResponse } from '../wire/exchange.ts'
import { type EbbRoutes, serveEbb } from './ebb-routes.ts'
import { TraceHub } from './trace-hub.ts'

const good = { at: 1, component: 'kubelet', step: 'pod-seen', object: 'pod default/a', detail: { node: 'n', n: 1 } }

function routesOf(hub: TraceHub): EbbRoutes {
  const nothing = () => Promise.reject(new Error('not here'))
  return { hub, images: { all: {}, change: () => {} }, openRelay: nothing, nodeProcess: nothing }
}

async function call(routes: EbbRoutes, method: string, body?: unknown): Promise<ApiResponse> {
  const bytes = new TextEncoder().encode(JSON.stringify(body) ?? '')
  const request: ApiRequest = {
    method,
    path: '/ebb/v1/trace',
    query: new URLSearchParams(),
    headers: {},
    body: async () => ({ bytes }),
    signal: new AbortController().signal,
  }
  return serveEbb(routes, request)
}

async function readTrace(routes: EbbRoutes): Promise<unknown[]> {
  const { body } = await call(routes, 'GET')
  if (body.type !== 'stream') throw new Error('no stream')
  const lines: unknown[] = []
  for await (const line of body.stream) lines.push(JSON.parse(new TextDecoder().decode(line)))
  return lines
}

it.each([
  ['null', null, 'is no object'],
  ['a list', [], 'is no object'],
  ['nothing', {}, 'has no time'],
  ['no component', { ...good, component: 1 }, 'lacks its "component"'],
  ['another step', { ...good, step: 'made-up' }, 'has a "step" that is none: "made-up"'],
  ['a cause that is no text', { ...good, cause: {} }, 'has a "cause"'],
  ['a detail that is no object', { ...good, detail: 'x' }, 'has a "detail"'],
  ['a detail with more in it', { ...good, detail: { a: {} } }, 'has a "detail"'],
])('%s among the events of a trace is refused, and the rest with it', async (_, event, why) => {
  const routes = routesOf(new TraceHub())
  const answer = await call(routes, 'POST', [good, event])
  expect(answer).toMatchObject({
    status: 400,
    body: { object: { message: expect.stringContaining(`event 1 of the trace ${why}`) } },
  })
  expect(await readTrace(routes)).toEqual([])
  expect((await call(routes, 'POST', [good])).status).toBe(200)
  expect(await readTrace(routes)).toEqual([good])
})
