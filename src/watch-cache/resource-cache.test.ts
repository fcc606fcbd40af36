import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { type MvccStore, openStore } from '../store/mvcc-store.ts'
import { Encoded } from '../wire/encoded.ts'
import { itemCodec } from './item-codec.ts'
import { createResourceCache, type ResourceCache } from './resource-cache.ts'
import type { CacheEvent, Filter, Item, ListResult, WatchOptions } from './watch-cache.ts'

let clock: SimClock
let store: MvccStore<Item>
let cache: ResourceCache

beforeEach(async () => {
  clock = new SimClock({ drain: () => nextTurn() })
  store = await openStore({ journal: new MemoryJournal(), codec: itemCodec })
  cache = createResourceCache({ store, prefix: '/pods/', clock, windowChangesMax: 50 })
})

type Labels = Readonly<Record<string, string>>

function item(key: string, labels: Labels, revision: number): Item {
  const [namespace = '', name = ''] = key.split('/')
  const metadata = { name, namespace, resourceVersion: String(revision), labels }
  return new Encoded<KubernetesObject>({ kind: 'Pod', apiVersion: 'v1', metadata }, revision)
}

/** Writes `ns/name` and resolves with its revision once it is published. */
async function put(key: string, labels: Labels = {}): Promise<number> {
  const commit = store.transact((txn) => txn.put(`/pods/${key}`, item(key, labels, txn.revision)))
  await commit.durable
  return commit.revision
}

async function remove(key: string): Promise<number> {
  const commit = store.transact((txn) => {
    const last = txn.get(`/pods/${key}`)?.value.object
    txn.delete(`/pods/${key}`, item(key, last?.metadata.labels ?? {}, txn.revision))
  })
  await commit.durable
  return commit.revision
}

const labelled = (key: string, value: string): Filter => ({
  matches: (object) => object.metadata.labels?.[key] === value,
  label: { key, value },
})

const names = (result: ListResult) =>
  result.items.map(({ object: { metadata } }) => `${metadata.namespace}/${metadata.name}`)
const list = (options: Parameters<ResourceCache['list']>[0] = {}) => cache.list(options) as ListResult

function show({ type, item: object, initialEventsEnd }: CacheEvent): string {
  const metadata = object?.object.metadata
  const labels = Object.values(metadata?.labels ?? {}).join()
  if (type === 'BOOKMARK') return initialEventsEnd ? 'BOOKMARK end' : 'BOOKMARK'
  if (type === 'ERROR') return `ERROR ${(object?.object as { code?: number } | undefined)?.code}`
  return `${type} ${metadata?.name}@${metadata?.resourceVersion}${labels && ` ${labels}`}`
}

/** A watch that writes down what it sees; `room` is how many events it takes. */
async function watch(options: WatchOptions = {}, room = Number.POSITIVE_INFINITY) {
  const events: CacheEvent[] = []
  const seen: string[] = []
  const stop = cache.watch(options, {
    event(event) {
      if (seen.length >= room && event.type !== 'ERROR') return false
      events.push(event)
      seen.push(show(event))
      return true
    },
    end: () => void seen.push('end'),
  })
  expect(seen).toEqual([])
  await null
  return { seen, events, stop }
}

describe('lists', () => {
  it('[WC1] answers at once from the published state', async () => {
    const commit = store.transact((txn) => txn.put('/pods/a/x', item('a/x', {}, txn.revision)))
    expect(cache.get('a/x')).toBeUndefined()
    await commit.durable
    expect(cache.get('a/x')?.object.metadata.name).toBe('x')
    expect(list()).toMatchObject({ revision: 2, items: [cache.get('a/x')] })
    await store.transact((txn) => txn.put('/nodes/n', item('n', {}, txn.revision))).durable
    expect(list().revision).toBe(3)
  })

  it('[WC1] begins with what the store holds', async () => {
    await put('a/x')
    cache = createResourceCache({ store, prefix: '/pods/', clock })
    expect(names(list())).toEqual(['a/x'])
  })

  it('[WC2] lists in the order of keys, of one namespace where asked', async () => {
    for (const key of ['b/1', 'a/2', 'a-b/1', 'a/1']) await put(key)
    expect(names(list())).toEqual(['a-b/1', 'a/1', 'a/2', 'b/1'])
    expect(names(list({ namespace: 'a' }))).toEqual(['a/1', 'a/2'])
    expect(names(list({ namespace: 'none' }))).toEqual([])
  })

  it('[WC3] filters, and gives the same with the label index as without', async () => {
    for (let i = 0; i < 400; i++) await put(`n${i % 3}/p${i}`, { app: `app${i % 10}` })
    const plain = (value: string): Filter => ({ matches: labelled('app', value).matches })
    const same = (options: { namespace?: string; limit?: number }) =>
      expect(list({ ...options, filter: labelled('app', 'app3') })).toEqual(list({ ...options, filter: plain('app3') }))
    same({})
    await put('n0/p3', { app: 'other' })
    await put('n0/p4', { app: 'app3' })
    await remove('n1/p13')
    same({})
    same({ namespace: 'n1' })
    same({ limit: 5 })
    expect(list({ filter: labelled('app', 'never') }).items).toEqual([])
  })

  it('[WC4] cuts pages out of one consistent state', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await put(`ns/${name}`)
    const first = list({ namespace: 'ns', limit: 2 })
    expect([names(first), first.remainingItemCount]).toEqual([['ns/a', 'ns/b'], 3])
    await remove('ns/c')
    await put('ns/cc')
    const second = list({ namespace: 'ns', limit: 2, continue: first.continue as string })
    expect([names(second), second.remainingItemCount, second.revision]).toEqual([['ns/c', 'ns/d'], 1, first.revision])
    const third = list({ namespace: 'ns', limit: 2, continue: second.continue as string })
    expect([names(third), third.continue, third.remainingItemCount]).toEqual([['ns/e'], undefined, undefined])
    expect(names(list({ namespace: 'ns', continue: first.continue as string }))).toEqual(['ns/c', 'ns/d', 'ns/e'])
    expect(names(list({ namespace: 'ns' }))).toEqual(['ns/a', 'ns/b', 'ns/cc', 'ns/d', 'ns/e'])
  })

  it('[WC4] pages over namespaces too, and counts nothing where it filters', async () => {
    for (const key of ['x/a', 'x/b', 'y/a']) await put(key, { s: '1' })
    const first = list({ limit: 1, filter: labelled('s', '1') })
    expect(first).toMatchObject({ continue: expect.any(String), items: [expect.anything()] })
    expect(first).not.toHaveProperty('remainingItemCount')
    expect(names(list({ continue: first.continue as string, filter: labelled('s', '1') }))).toEqual(['x/b', 'y/a'])
    expect(list({ limit: 100 })).not.toHaveProperty('continue')
    expect(list({ limit: -1 })).not.toHaveProperty('continue')
  })

  it('[WC5] answers 410 to a token whose state is gone, with one that goes on inconsistently', async () => {
    for (const name of ['a', 'b', 'c']) await put(`ns/${name}`)
    const token = list({ namespace: 'ns', limit: 1 }).continue as string
    await put('ns/bb')
    store.compact()
    const error = catching(() => list({ namespace: 'ns', limit: 1, continue: token }))
    expect(error).toMatchObject({ status: { code: 410, reason: 'Expired' } })
    expect(error.message).toMatch(/^The provided continue parameter is too old .* may show up in the list\.$/)
    const fresh = error.status.metadata.continue as string
    expect(list({ namespace: 'ns', continue: fresh })).toMatchObject({ revision: 5 })
    expect(names(list({ namespace: 'ns', continue: fresh }))).toEqual(['ns/b', 'ns/bb', 'ns/c'])
  })

  it('[WC5] forgets a paged state after five minutes, unless the window still has it', async () => {
    for (const name of ['a', 'b', 'c']) await put(`ns/${name}`)
    const token = list({ limit: 1 }).continue as string
    for (let i = 0; i < 60; i++) await put('ns/busy', { i: String(i) })
    expect(names(list({ continue: token }))).toEqual(['ns/b', 'ns/c'])
    await clock.advance(5 * 60_000 + 1)
    expect(catching(() => list({ continue: token })).code).toBe(410)
  })

  it.each(['9007199254740993', '9223372036854775807', '18446744073709551615'])(
    '[WC7] names a revision of 64 bits as it was asked for: %s',
    async (resourceVersion) => {
      const message = `Timeout: Too large resource version: ${resourceVersion}, current: ${store.revision}`
      expect(catching(() => list({ resourceVersion, resourceVersionMatch: 'Exact' })).message).toBe(message)
      const waiting = expect(cache.list({ resourceVersion })).rejects.toThrow(message)
      await clock.advance(3_001)
      await waiting
      const token = btoa(`{"v":"meta.k8s.io/v1","rv":${resourceVersion},"start":"b"}`).replace(/=+$/, '')
      expect(catching(() => list({ continue: token })).message).toBe(message)
    },
  )

  it('[WC6] refuses broken tokens with the words of Kubernetes', () => {
    const said = (token: string) => catching(() => list({ continue: token })).message
    const json = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, '')
    const lead = 'invalid continue token: continue key is not valid: '
    expect(said('garbage')).toBe(`${lead}invalid character '\\u0081' looking for beginning of value`)
    expect(said('a!')).toBe(`${lead}illegal base64 data at input byte 1`)
    expect(said(json({ v: 'x', rv: 1, start: 'a' }))).toBe(`${lead}server does not recognize this encoded version`)
    expect(said(json({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' }))).toContain('incorrect encoded start resourceVersion')
    expect(said(json({ v: 'meta.k8s.io/v1', rv: 1, start: '' }))).toContain('encoded start key empty')
    expect(said(json({ v: 'meta.k8s.io/v1', rv: 1, start: '../etc' }))).toBe(`${lead}../etc`)
    const token = json({ v: 'meta.k8s.io/v1', rv: 1, start: 'b' })
    expect(catching(() => list({ continue: token, resourceVersion: '5' }))).toMatchObject({
      message: 'specifying resource version is not allowed when using continue',
      code: 400,
    })
  })

  it('[WC7] takes resourceVersion 0 as any, and then knows no limit', async () => {
    await put('ns/a')
    await put('ns/b')
    expect(list({ limit: 1, resourceVersion: '0' })).not.toHaveProperty('continue')
    expect(names(list({ limit: 1, resourceVersion: '0', resourceVersionMatch: 'NotOlderThan' }))).toHaveLength(2)
  })

  it('[WC7] lists exactly a revision of the window, also where only a limit asks for it', async () => {
    const first = await put('ns/a', { v: '1' })
    await put('ns/b')
    await put('ns/a', { v: '2' })
    await remove('ns/b')
    const exact = list({ resourceVersion: String(first), resourceVersionMatch: 'Exact' })
    expect([names(exact), exact.revision]).toEqual([['ns/a'], first])
    expect(exact.items[0]?.object.metadata.labels).toEqual({ v: '1' })
    expect(names(list({ resourceVersion: String(first + 1), limit: 5 }))).toEqual(['ns/a', 'ns/b'])
    expect(names(list({ resourceVersion: String(first) }))).toEqual(['ns/a'])
    expect(list({ resourceVersion: String(first) }).items[0]?.object.metadata.labels).toEqual({ v: '2' })
  })

  it('[WC7] answers 410 to a revision before the window, 400 to nonsense', async () => {
    for (let i = 0; i < 60; i++) await put('ns/a', { i: String(i) })
    const exact = (resourceVersion: string) => () => list({ resourceVersion, resourceVersionMatch: 'Exact' })
    expect(exact('11')().items[0]?.object.metadata.labels).toEqual({ i: '9' })
    expect(catching(exact('10'))).toMatchObject({
      code: 410,
      message: 'The resourceVersion for the provided list is too old.',
    })
    for (const text of ['abc', '-1'])
      expect(catching(() => list({ resourceVersion: text }))).toMatchObject({
        code: 400,
        message: `invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
      })
  })

  it('[WC8] waits for a revision that is to come, and gives up with 504 after three seconds', async () => {
    await put('ns/a')
    const soon = cache.list({ resourceVersion: '3' }) as Promise<ListResult>
    await put('ns/b')
    expect(names(await soon)).toEqual(['ns/a', 'ns/b'])
    const never = expect(cache.list({ resourceVersion: '999999999' })).rejects.toMatchObject({
      message: 'Timeout: Too large resource version: 999999999, current: 3',
      status: {
        code: 504,
        reason: 'Timeout',
        details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge' }] },
      },
    })
    await clock.advance(3_000)
    await never
    expect(catching(() => list({ resourceVersion: '999', resourceVersionMatch: 'Exact' })).code).toBe(504)
  })
})

function catching(act: () => unknown) {
  try {
    act()
  } catch (error) {
    return error as { code: number; message: string; status: { metadata: { continue?: string } } }
  }
  throw new Error('nothing was thrown')
}

describe('watches', () => {
  it('[WC9] replays what came after a revision, then follows, without gap or double', async () => {
    const from = await put('ns/first')
    await put('ns/a', { v: '1' })
    await put('other/a')
    await put('ns/a', { v: '2' })
    const { seen } = await watch({ namespace: 'ns', resourceVersion: String(from) })
    await remove('ns/a')
    await put('ns/b')
    expect(seen).toEqual(['ADDED a@3 1', 'MODIFIED a@5 2', 'DELETED a@6 2', 'ADDED b@7'])
  })

  it('[WC24] calls no sink from within watch', async () => {
    await put('ns/a')
    let returned = false
    const early: boolean[] = []
    const sink = { event: () => Boolean(early.push(!returned)), end: () => void early.push(!returned) }
    for (const resourceVersion of ['0', '1', '99']) cache.watch({ resourceVersion, sendInitialEvents: true }, sink)
    returned = true
    await null
    expect(early).toEqual([false, false, false, false])
  })

  it('[WC10] turns entering and leaving a selector into ADDED and DELETED, the old object with the new revision', async () => {
    const from = String(await put('ns/start'))
    await put('ns/a', { w: 'no' })
    await put('ns/a', { w: 'yes' })
    const live = await watch({ resourceVersion: String(store.revision), filter: labelled('w', 'yes') })
    await put('ns/a', { w: 'yes', n: '2' })
    await put('ns/a', { w: 'no' })
    await put('ns/a', { w: 'no', n: '4' })
    await put('ns/a', { w: 'yes' })
    await remove('ns/a')
    expect(live.seen).toEqual(['MODIFIED a@5 yes,2', 'DELETED a@6 yes,2', 'ADDED a@8 yes', 'DELETED a@9 yes'])
    expect((await watch({ resourceVersion: from, filter: labelled('w', 'yes') })).seen).toEqual([
      'ADDED a@4 yes',
      ...live.seen,
    ])
    expect((await watch({ resourceVersion: from, filter: labelled('w', 'no') })).seen).toEqual([
      'ADDED a@3 no',
      'DELETED a@4 no',
      'ADDED a@6 no',
      'MODIFIED a@7 no,4',
      'DELETED a@8 no,4',
    ])
  })

  it('[WC11] makes each event once for all watchers', async () => {
    const all = await Promise.all(
      [1, 2, 3].map(() => watch({ filter: labelled('w', 'yes'), sendInitialEvents: false })),
    )
    await put('ns/a', { w: 'yes' })
    await put('ns/a', { w: 'no' })
    const [first] = all
    for (const other of all) expect(other.events).toEqual(first?.events)
    for (const other of all) expect(other.events[1]?.item).toBe(first?.events[1]?.item)
    const late = await watch({ filter: labelled('w', 'yes'), resourceVersion: '1' })
    expect(late.events[1]?.item).toBe(first?.events[1]?.item)
  })

  it('[WC12] begins with the present state when no revision is given, or 0', async () => {
    await put('ns/b')
    await put('ns/a')
    const without = await watch({ namespace: 'ns' })
    const zero = await watch({ resourceVersion: '0' })
    await put('ns/c')
    expect(without.seen).toEqual(['ADDED a@3', 'ADDED b@2', 'ADDED c@4'])
    expect(zero.seen).toEqual(without.seen)
    expect(without.events.map((event) => event.initial ?? false)).toEqual([true, true, false])
  })

  it('[WC13] ends asked-for initial events with a bookmark, when bookmarks are wanted', async () => {
    await put('ns/a', { x: '1' })
    const asked = { sendInitialEvents: true, bookmarks: true }
    expect((await watch(asked)).seen).toEqual(['ADDED a@2 1', 'BOOKMARK end'])
    expect((await watch({ ...asked, resourceVersion: '1' })).seen).toEqual(['ADDED a@2 1', 'BOOKMARK end'])
    expect((await watch({ ...asked, filter: labelled('x', 'none') })).seen).toEqual(['BOOKMARK end'])
    expect((await watch({ sendInitialEvents: true })).seen).toEqual(['ADDED a@2 1'])
    expect((await watch({ sendInitialEvents: false, bookmarks: true, resourceVersion: '1' })).seen).toEqual([
      'ADDED a@2 1',
    ])
    expect((await watch({ sendInitialEvents: false })).seen).toEqual([])
    expect((await watch({ ...asked, resourceVersion: '99' })).seen).toEqual(['ERROR 504', 'end'])
  })

  it('[WC14] ends a watch from before the window or the floor with ERROR 410', async () => {
    for (let i = 0; i < 60; i++) await put('ns/a', { i: String(i) })
    expect((await watch({ resourceVersion: '10' })).seen).toEqual(['ERROR 410', 'end'])
    expect((await watch({ resourceVersion: '11' })).seen).toHaveLength(50)
    store.compact(50)
    const { events, seen } = await watch({ resourceVersion: '49' })
    expect(seen).toEqual(['ERROR 410', 'end'])
    expect(events[0]?.item?.object).toMatchObject({ reason: 'Expired', message: 'too old resource version: 49 (50)' })
    expect((await watch({ resourceVersion: '50' })).seen).toHaveLength(11)
    expect(catching(() => cache.watch({ resourceVersion: 'abc' }, { event: () => true, end() {} }))).toMatchObject({
      code: 500,
      message: 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    })
  })

  it('[WC15] keeps a watch from the future silent until then', async () => {
    const { seen } = await watch({ resourceVersion: '3' })
    await put('ns/a')
    await put('ns/b')
    expect(seen).toEqual([])
    await put('ns/c')
    expect(seen).toEqual(['ADDED c@4'])
  })

  it('[WC16] drops a watcher that is full, tells it 410 and counts it; the others notice nothing', async () => {
    const slow = await watch({}, 1)
    const quick = await watch()
    for (const key of ['ns/a', 'ns/b', 'ns/c']) await put(key)
    expect(slow.seen).toEqual(['ADDED a@2', 'ERROR 410', 'end'])
    expect(quick.seen).toEqual(['ADDED a@2', 'ADDED b@3', 'ADDED c@4'])
    expect([cache.dropped, cache.watchers]).toEqual([1, 1])
    const atStart = await watch({}, 1)
    expect(atStart.seen).toEqual(['ADDED a@2', 'ERROR 410', 'end'])
    const inReplay = await watch({ resourceVersion: '1' }, 2)
    expect(inReplay.seen).toEqual(['ADDED a@2', 'ADDED b@3', 'ERROR 410', 'end'])
    expect(cache.dropped).toBe(3)
  })

  it('[WC17] sends bookmarks about every minute to those who want them, and sets no timer otherwise', async () => {
    const plain = await watch()
    expect(clock.nextDue()).toBeUndefined()
    const marked = await watch({ bookmarks: true })
    await put('ns/a')
    await store.transact((txn) => txn.put('/nodes/n', item('n', {}, txn.revision))).durable
    await clock.advance(61_000)
    await clock.advance(60_000)
    expect(marked.seen).toEqual(['ADDED a@2', 'BOOKMARK', 'BOOKMARK'])
    expect(marked.events[1]?.revision).toBe(3)
    expect(plain.seen).toEqual(['ADDED a@2'])
    marked.stop()
    expect(clock.nextDue()).toBeUndefined()
  })

  it('[WC18] ends after its time, with a last bookmark', async () => {
    const marked = await watch({ bookmarks: true, timeoutMs: 2_000 })
    const plain = await watch({ timeoutMs: 3_000 })
    await clock.advance(2_000)
    expect(marked.seen).toEqual(['BOOKMARK', 'end'])
    expect(plain.seen).toEqual([])
    await clock.advance(1_000)
    expect(plain.seen).toEqual(['end'])
    expect(cache.watchers).toBe(0)
  })

  it('[WC19] says nothing more after a stop, also one from within an event', async () => {
    const stopped = await watch()
    stopped.stop()
    stopped.stop()
    const seen: string[] = []
    const stop = cache.watch(
      {},
      {
        event(event) {
          seen.push(show(event))
          stop()
          return true
        },
        end: () => void seen.push('end'),
      },
    )
    cache.watch({ resourceVersion: '0' }, { event: () => Boolean(seen.push('never')), end() {} })()
    await put('ns/a')
    await put('ns/b')
    expect(stopped.seen).toEqual([])
    expect(seen).toEqual(['ADDED a@2'])
  })

  it('[WC20] ends all watches when it closes', async () => {
    const one = await watch()
    const two = await watch({ namespace: 'ns', bookmarks: true, timeoutMs: 5_000 })
    cache.close()
    const late = await watch()
    expect(late.seen).toEqual(['end'])
    await put('ns/a')
    expect([one.seen, two.seen]).toEqual([['end'], ['end']])
    expect(clock.nextDue()).toBeUndefined()
  })

  it('[WC21] takes a watch that is started from within an event, of this resource or of another', async () => {
    const nodes = createResourceCache({ store, prefix: '/nodes/', clock })
    const seen: string[] = []
    const record = (where: string) => ({
      event: (event: CacheEvent) => {
        seen.push(`${where} ${show(event)}`)
        return true
      },
      end() {},
    })
    const stop = cache.watch(
      { sendInitialEvents: false },
      {
        event: () => {
          stop()
          cache.watch({}, record('pods'))
          nodes.watch({}, record('nodes'))
          return true
        },
        end() {},
      },
    )
    await store.transact((txn) => {
      txn.put('/pods/ns/a', item('ns/a', {}, txn.revision))
      txn.put('/nodes/n', item('/n', {}, txn.revision))
    }).durable
    expect(seen).toEqual(['pods ADDED a@2', 'nodes ADDED n@2'])
  })
})

it('[WC22] waits for a revision, or says how far it is', async () => {
  await cache.waitFor(1, 100)
  const soon = cache.waitFor(2, 100)
  await store.transact((txn) => txn.put('/nodes/n', item('n', {}, txn.revision))).durable
  await soon
  const late = expect(cache.waitFor(9, 100)).rejects.toThrow('Too large resource version: 9, current: 2')
  await clock.advance(100)
  await late
})
