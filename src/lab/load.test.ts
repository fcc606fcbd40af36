import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { dialTcp, httpClient } from './load.node.ts'
import { type Answer, type HttpClient, type RequestRecord, startLoad, summarize } from './load.ts'

const drain = () => new Promise<void>((resolve) => setImmediate(resolve))

let ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.reverse()) await end()
  ends = []
})

async function serve(handle: (respond: ServerResponse, number: number) => void): Promise<HttpClient> {
  let number = 0
  const server: Server = createServer((_, response) => handle(response, number++))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = httpClient({ connect: dialTcp('127.0.0.1', (server.address() as AddressInfo).port), host: 'web' })
  ends.push(() => {
    client.close()
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return client
}

describe('open loop, in virtual time', () => {
  /** A server that is stalled from `from` to `until` (ms after the start) and answers in 1 ms otherwise. */
  function stalling(clock: SimClock, from: number, until: number): HttpClient {
    const started = clock.now()
    return {
      send: () =>
        new Promise<Answer>((resolve) => {
          const now = clock.now() - started
          const wait = now >= from && now < until ? until - now : 1
          clock.setTimer(wait, () => resolve({ outcome: 'ok', reused: false }))
        }),
      close() {},
    }
  }

  it('[LL1] shows a stall in every request that was due in it: no coordinated omission', async () => {
    const clock = new SimClock({ drain })
    const seen: RequestRecord[] = []
    const load = startLoad({
      client: stalling(clock, 1000, 2000),
      clock,
      ratePerSecond: 100,
      record: (request) => seen.push(request),
    })
    await clock.advance(3_000)
    const stopped = load.stop()
    await clock.advance(1_000)
    await stopped
    const late = seen.filter((request) => request.endedAt - request.dueAt > 100)
    // 1 s of stall at 100/s: the 90 requests due until 100 ms before its end waited more than 100 ms, not just one of them.
    expect(late.length).toBeGreaterThanOrEqual(89)
    expect(late.length).toBeLessThanOrEqual(91)
    expect(summarize(seen).p99).toBeGreaterThan(900)
  })

  it('[LL2] keeps to the schedule whatever the answers do', async () => {
    const clock = new SimClock({ drain })
    const seen: RequestRecord[] = []
    const load = startLoad({
      client: stalling(clock, 0, 500),
      clock,
      ratePerSecond: 200,
      kinds: ['new', 'new', 'keep-alive'],
      record: (request) => seen.push(request),
    })
    await clock.advance(1_000)
    const stopped = load.stop()
    await clock.advance(1_000)
    await stopped
    seen.sort((a, b) => a.number - b.number)
    expect(seen.slice(0, 4).map((r) => [r.number, r.kind, r.dueAt - load.startedAt])).toEqual([
      [0, 'new', 0],
      [1, 'new', 5],
      [2, 'keep-alive', 10],
      [3, 'new', 15],
    ])
    for (const request of seen) expect(request.sentAt).toBeCloseTo(request.dueAt, 3)
  })
})

describe('open loop, against a real server', () => {
  it('[LL1] counts from the due time when the server stalls', async () => {
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const client = await serve((response, number) => {
      if (number < 20) void gate.then(() => response.setHeader('x-pod-name', 'stalled').end())
      else response.end('ok')
    })
    const seen: RequestRecord[] = []
    const enough = new Promise<void>((resolve) => {
      const load = startLoad({
        client,
        clock: systemClock,
        ratePerSecond: 200,
        record: (request) => {
          seen.push(request)
          // The stall ends when requests sent after it were answered while the first ones still waited.
          if (seen.length === 20) open()
          if (seen.length === 60) void load.stop().then(resolve)
        },
      })
    })
    await enough
    const stalled = seen.filter((request) => request.pod === 'stalled').map((r) => r.endedAt - r.dueAt)
    expect(stalled).toHaveLength(20)
    // 20 more requests, due 5 ms after one another, were answered before these: each of these waited about 100 ms.
    for (const latency of stalled) expect(latency).toBeGreaterThan(50)
  })

  it('[LL3] says what became of a request', async () => {
    const kinds: Record<string, (response: ServerResponse) => void> = {
      ok: (response) => response.setHeader('x-pod-name', 'web-1').end('fine'),
      status: (response) => response.writeHead(503).end(),
      reset: (response) => response.socket?.resetAndDestroy(),
      cut: (response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('half', () => response.socket?.destroy())
      },
      timeout: () => {},
    }
    const names = Object.keys(kinds)
    const client = await serve((response, number) => kinds[names[number] ?? '']?.(response))
    for (const name of names) {
      const answer = await client.send({ kind: 'new', timeoutMs: name === 'timeout' ? 50 : 5_000 })
      expect(answer.outcome, name).toBe(name)
      if (name === 'ok') expect(answer).toMatchObject({ pod: 'web-1', status: 200, reused: false })
    }
    const closed = httpClient({ connect: dialTcp('127.0.0.1', 1), host: 'nobody' })
    expect(await closed.send({ kind: 'new', timeoutMs: 1_000 })).toMatchObject({ outcome: 'refused' })
  })

  it('[LL4] keeps connections where told to, and knows whose they are', async () => {
    const client = await serve((response) => response.setHeader('x-pod-name', 'web-1').end('fine'))
    await client.send({ kind: 'keep-alive', timeoutMs: 1_000 })
    // The connection comes back to the pool a moment after its answer.
    await new Promise((resolve) => setImmediate(resolve))
    const second = await client.send({ kind: 'keep-alive', timeoutMs: 1_000 })
    expect(second).toMatchObject({ outcome: 'ok', reused: true, connectedTo: 'web-1' })
    expect(await client.send({ kind: 'new', timeoutMs: 1_000 })).toMatchObject({ reused: false })
  })
})
