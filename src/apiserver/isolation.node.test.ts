/** What one user does to the API server is felt by that user: real sockets, hundreds of them, and others who go on meanwhile. */
import type http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ADMIN, tokenTable } from './authn/tokens.ts'
import { BODIES_BYTES_MAX, BODY_BYTES_MAX } from './bodies.node.ts'
import { type Answer, api, ask as askAnybody, pki, plainSocket, server, useServer } from './one-server.node.ts'

const as = (user: string) => ({ authorization: `Bearer ${user}-token`, 'content-type': 'application/json' })
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
const lease = `${leases}/ebb-1`
const configMaps = '/api/v1/namespaces/default/configmaps'

const tokens = tokenTable([
  ['admin-token', ADMIN],
  ['node-token', { name: 'system:node:ebb-1', groups: ['system:nodes'] }],
  ['mallory-token', { name: 'mallory', groups: [] }],
  ['jane-token', { name: 'jane', groups: [] }],
])
useServer({ api: { tokens, authorizers: [{ authorize: () => ({ allowed: true }) }] } })

beforeAll(async () => {
  const spec = { holderIdentity: 'ebb-1' }
  const object = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'ebb-1' }, spec }
  expect((await ask('node', 'POST', leases, object)).status).toBe(201)
})

const ask = (user: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  send(user, method, path, { text: body === undefined ? undefined : JSON.stringify(body) })

interface Body {
  readonly text: string | undefined
  readonly headers?: http.OutgoingHttpHeaders
}

const send = (user: string, method: string, path: string, { text, headers }: Body): Promise<Answer> =>
  askAnybody({ socketPath: plainSocket, method, path, headers: { ...as(user), ...headers } }, text)

const create = (user: string, name: string) =>
  ask(user, 'POST', configMaps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name } })

/** A lease is read and renewed, as a kubelet does. */
async function renew(): Promise<number[]> {
  const read = await ask('node', 'GET', lease)
  const renewed = await ask('node', 'PUT', lease, JSON.parse(read.text))
  return [read.status, renewed.status]
}

/** A request whose body is promised and does not come. */
function unfinished(user: string, sent: string | Buffer = '{', promised = 1_000_000): net.Socket {
  const socket = net.connect(plainSocket)
  socket.on('error', () => {})
  socket.write(
    `POST ${configMaps} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user}-token\r\ncontent-type: application/json\r\ncontent-length: ${promised}\r\n\r\n`,
  )
  socket.write(sent)
  return socket
}

vi.setConfig({ testTimeout: 60_000 })
const open: net.Socket[] = []
afterEach(() => closeAll())
/** One after the other: one is accepted in a turn of the event loop, and what may wait for that is bounded. */
async function openMany(count: number, connect: () => net.Socket): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = connect()
    open.push(socket)
    await new Promise((resolve) => socket.once('connect', () => setImmediate(resolve)))
  }
}
const closeAll = () => {
  for (const socket of open.splice(0)) socket.destroy()
}

describe('while an ordinary user', () => {
  it('leaves 600 bodies unfinished, on connections of their own, everybody is served', async () => {
    await openMany(600, () => unfinished('mallory'))
    await vi.waitFor(() => expect(server.connections).toBeGreaterThanOrEqual(600), 20_000)
    expect(await renew()).toEqual([200, 200])
    expect((await create('admin', 'a-admin')).status).toBe(201)
    expect((await create('jane', 'a-jane')).status).toBe(201)
    expect((await create('mallory', 'a-mallory')).status).toBe(201)
    closeAll()
    await vi.waitFor(() => expect(server.connections).toBe(0), 20_000)
  })

  it('leaves 600 bodies unfinished on three HTTP/2 connections, everybody is served', async () => {
    const sessions = Array.from({ length: 3 }, () => http2.connect(`https://127.0.0.1:${server.port}`, { ca: pki.ca }))
    for (const session of sessions) {
      session.on('error', () => {})
      for (let i = 0; i < 200; i++) {
        const stream = session.request({ ':method': 'POST', ':path': configMaps, ...as('mallory') })
        stream.on('error', () => {})
        stream.write('{')
      }
      await new Promise((resolve) => session.ping(resolve))
    }
    expect(await renew()).toEqual([200, 200])
    expect((await create('admin', 'b-admin')).status).toBe(201)
    expect((await create('jane', 'b-jane')).status).toBe(201)
    for (const session of sessions) session.destroy()
    await vi.waitFor(() => expect(server.connections).toBe(0), 20_000)
  })

  it('keeps 2,000 idle connections and lists without end, administrators and nodes are not behind it', async () => {
    for (let i = 0; i < 200; i++)
      await api.client.call('POST', configMaps, {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name: `big-${i}` },
        data: { text: 'x'.repeat(5_000) },
      })
    await openMany(2_000, () => net.connect(server.port, '127.0.0.1').on('error', () => {}))
    let answered = 0
    let flooding = true
    const flood = async () => {
      while (flooding) {
        await ask('mallory', 'GET', '/api/v1/configmaps')
        answered++
      }
    }
    const floods = Array.from({ length: 100 }, flood)
    await vi.waitFor(() => expect(answered).toBeGreaterThan(10), 20_000)
    // As many lists as there are in flight would be answered first if the queue were one for all.
    const before = answered
    expect((await ask('admin', 'GET', '/api/v1/namespaces/default')).status).toBe(200)
    expect(answered - before).toBeLessThan(100)
    const between = answered
    expect(await renew()).toEqual([200, 200])
    expect(answered - between).toBeLessThan(200)
    expect((await create('jane', 'c-jane')).status).toBe(201)
    flooding = false
    await Promise.all(floods)
    closeAll()
    await vi.waitFor(() => expect(server.connections).toBe(0), 20_000)
  })

  it('has eight long patches worked on, others are answered between their turns', async () => {
    await create('admin', 'patched')
    const test = { op: 'test', path: '/kind', value: 'ConfigMap' }
    const operations = JSON.stringify(Array.from({ length: 10_000 }, () => test))
    let working = 8
    const patches = Array.from({ length: working }, async () => {
      const type = { 'content-type': 'application/json-patch+json' }
      const { status } = await send('mallory', 'PATCH', `${configMaps}/patched`, { text: operations, headers: type })
      working--
      return status
    })
    // Asked one after the other: each comes between two of the 8 x 150 turns, or there would be as few answers as there are patches.
    let answers = 0
    for (; working > 0; answers++) expect((await ask('jane', 'GET', '/livez')).status).toBe(200)
    expect(await Promise.all(patches)).toEqual(Array(8).fill(200))
    expect(answers).toBeGreaterThan(40)
  })

  it('fills the memory for bodies, that user gives way and nobody else', async () => {
    const almost = Buffer.alloc(BODY_BYTES_MAX - 1, 0x20)
    const count = Math.ceil(BODIES_BYTES_MAX / almost.length) + 10
    const refused: string[] = []
    const jane = unfinished('jane', '{"kind":"ConfigMap","apiVersion":"v1",', 100)
    let answer = ''
    jane.on('data', (chunk) => {
      answer += chunk
    })
    await openMany(count, () =>
      unfinished('mallory', almost, BODY_BYTES_MAX).once('data', (chunk) => refused.push(String(chunk))),
    )
    await vi.waitFor(() => expect(refused.length).toBeGreaterThanOrEqual(10), 20_000)
    for (const text of refused) expect(text).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n.*retry-after: 1\r\n/is)
    expect((await create('admin', 'd-admin')).status).toBe(201)
    expect(await renew()).toEqual([200, 200])
    jane.write('"metadata":{"name":"d-jane"}}'.padEnd(100 - 38))
    await vi.waitFor(() => expect(answer).toMatch(/^HTTP\/1.1 201 /), 20_000)
    open.push(jane)
    closeAll()
  })
})
