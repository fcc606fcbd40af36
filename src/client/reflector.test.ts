import { expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { ApiClient, type Resource } from './api-client.ts'
import { Informers } from './informer.ts'
import { type Transport, TransportError, type TransportRequest, type WatchHandlers } from './transport.ts'

const things: Resource = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }

function thing(name: string, revision: number, more: Partial<KubernetesObject['metadata']> = {}): KubernetesObject {
  return { metadata: { name, namespace: 'ns', uid: `uid-${name}`, resourceVersion: String(revision), ...more } }
}

/** A server of one resource, played by the test: what it lists, and the watches that are open. */
class Scripted implements Transport {
  items: readonly KubernetesObject[] = []
  revision = 1
  lists = 0
  failNext: Error | { status: number; body: unknown } | undefined
  readonly watches: { from: string; handlers: WatchHandlers; stopped: boolean }[] = []

  send(_: TransportRequest) {
    this.lists++
    const failure = this.failNext
    this.failNext = undefined
    if (failure instanceof Error) return Promise.reject(failure)
    if (failure) return Promise.resolve({ ...failure, headers: {} })
    const body = { kind: 'ThingList', metadata: { resourceVersion: String(this.revision) }, items: this.items }
    return Promise.resolve({ status: 200, headers: {}, body })
  }
  watch(request: TransportRequest, handlers: WatchHandlers) {
    const from = new URL(request.path, 'http://x').searchParams.get('resourceVersion') ?? ''
    const watch = { from, handlers, stopped: false }
    this.watches.push(watch)
    const stop = () => {
      watch.stopped = true
    }
    return Promise.resolve({ status: 200, stop })
  }
  stream(): never {
    throw new Error('not in this test')
  }
  close() {
    return Promise.resolve()
  }
  get current() {
    const watch = this.watches.at(-1)
    if (!watch) throw new Error('nobody watches')
    return watch
  }
}

async function setUp(items: readonly KubernetesObject[] = [thing('a', 1)]) {
  const clock = new SimClock({ drain })
  const server = new Scripted()
  server.items = items
  const lifetime = new Lifetime('test')
  const client = new ApiClient(server, { userAgent: 'test' })
  const informers = new Informers({ client, clock, random: new SeededRandom(1), lifetime })
  const informer = informers.informer(things)
  const seen: string[] = []
  const say = (what: string) => (object: KubernetesObject) => {
    seen.push(`${what} ${object.metadata.name}@${object.metadata.resourceVersion}`)
  }
  informer.on({ add: say('add'), update: say('update'), delete: say('delete') })
  await clock.advance(0)
  return { clock, server, lifetime, informers, informer, seen }
}

it('[RF1] [IN5] lists, then watches from the revision of the list', async () => {
  const { server, informer, seen } = await setUp()
  expect(informer.hasSynced).toBe(true)
  expect(seen).toEqual(['add a@1'])
  expect(server.current.from).toBe('1')
  server.current.handlers.event({ type: 'MODIFIED', object: thing('a', 2) })
  server.current.handlers.event({ type: 'ADDED', object: thing('b', 3) })
  server.current.handlers.event({ type: 'DELETED', object: thing('a', 4) })
  expect(seen.slice(1)).toEqual(['update a@2', 'add b@3', 'delete a@4'])
  expect([...informer.lister.values()].map(({ metadata }) => metadata.name)).toEqual(['b'])
})

it('[RF2] watches again from the last revision, bookmarks included', async () => {
  const { clock, server } = await setUp()
  server.current.handlers.event({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '17' } } })
  server.current.handlers.end(undefined)
  await clock.advance(0)
  expect(server.watches.map(({ from }) => from)).toEqual(['1', '17'])
  server.current.handlers.end(undefined)
  await clock.advance(0)
  expect(server.watches).toHaveLength(2)
  await clock.advance(100)
  expect(server.watches.map(({ from }) => from)).toEqual(['1', '17', '17'])
  expect(server.lists).toBe(1)
})

it('[RF3] [IN4] lists again after 410, and tells what changed meanwhile', async () => {
  const { clock, server, seen } = await setUp([thing('a', 1), thing('b', 1), thing('c', 1), thing('d', 1)])
  seen.length = 0
  server.items = [thing('a', 1), thing('b', 5), thing('d', 6, { uid: 'another' }), thing('e', 7)]
  server.revision = 9
  server.current.handlers.event({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
  await clock.advance(100)
  expect(seen).toEqual(['update b@5', 'delete d@1', 'add d@6', 'add e@7', 'delete c@1'])
  expect(server.current.from).toBe('9')
})

it('[RF4] backs off, doubling, and obeys Retry-After', async () => {
  const { clock, server } = await setUp()
  const gone = { kind: 'Status', code: 410, reason: 'Expired' }
  const refused = new TransportError('connection refused')
  server.failNext = refused
  server.current.handlers.event({ type: 'ERROR', object: gone })
  const tried: number[] = []
  for (
    let at = clock.monotonic(), lists = server.lists;
    tried.length < 5;
    at = clock.monotonic(), lists = server.lists
  ) {
    await clock.runUntil(() => server.lists > lists, 100_000)
    tried.push(clock.monotonic() - at)
    server.failNext = refused
  }
  tried.forEach((wait, i) => {
    expect(wait).toBeGreaterThanOrEqual(50 * 2 ** i)
    expect(wait).toBeLessThanOrEqual(75 * 2 ** i)
  })
  server.failNext = { status: 429, body: { kind: 'Status', code: 429, details: { retryAfterSeconds: 30 } } }
  const before = server.lists
  await clock.runUntil(() => server.lists > before)
  await clock.advance(29_900)
  expect(server.lists).toBe(before + 1)
  await clock.advance(10_000)
  expect(server.lists).toBe(before + 2)
})

it('[RF5] hands nothing on after its end', async () => {
  const { clock, server, lifetime, seen } = await setUp()
  const { current } = server
  await lifetime.close()
  await clock.advance(1000)
  current.handlers.event({ type: 'ADDED', object: thing('late', 9) })
  expect(current.stopped).toBe(true)
  expect(seen).toEqual(['add a@1'])
})

it('[IN1] [IN2] [IN3] shares one watch, gives objects by reference, and late handlers what is known', async () => {
  const { server, informers, informer } = await setUp()
  expect(informers.informer(things)).toBe(informer)
  expect(informers.informer(things, { namespace: 'ns' })).not.toBe(informer)
  const late: KubernetesObject[] = []
  informer.on({ add: (object) => late.push(object) })
  expect(late).toEqual([thing('a', 1)])
  expect(late[0]).toBe(server.items[0])
})

it('finds objects by namespace, owner and label, and by indexes added later', async () => {
  const owned = { ownerReferences: [{ apiVersion: 'v1', kind: 'Thing', name: 'o', uid: 'owner' }] }
  const { server, informer } = await setUp([thing('a', 1, owned), thing('b', 1, { labels: { app: 'x' } })])
  const { lister } = informer
  const names = (objects: readonly KubernetesObject[]) => objects.map(({ metadata }) => metadata.name)
  expect(names(lister.inNamespace('ns'))).toEqual(['a', 'b'])
  expect(names(lister.ownedBy('owner'))).toEqual(['a'])
  expect(names(lister.labelled('app', 'x'))).toEqual(['b'])
  server.current.handlers.event({ type: 'MODIFIED', object: thing('a', 2, { labels: { app: 'x' } }) })
  server.current.handlers.event({ type: 'DELETED', object: thing('b', 3) })
  expect(names(lister.ownedBy('owner'))).toEqual([])
  expect(names(lister.labelled('app', 'x'))).toEqual(['a'])
  lister.addIndex('first letter', ({ metadata }) => [metadata.name?.[0] ?? ''])
  expect(names(lister.by('first letter', 'a'))).toEqual(['a'])
})
