/** How long the pages of a list go on. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { ApiError } from '../api/status.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { type MvccStore, openStore } from '../store/mvcc-store.ts'
import { Encoded } from '../wire/encoded.ts'
import { itemCodec } from './item-codec.ts'
import { createResourceCache, type ResourceCache } from './resource-cache.ts'
import type { Item, ListResult } from './watch-cache.ts'

let clock: SimClock
let store: MvccStore<Item>
let cache: ResourceCache

beforeEach(async () => {
  clock = new SimClock({ drain: () => nextTurn() })
  store = await openStore({ journal: new MemoryJournal(), codec: itemCodec })
  cache = createResourceCache({ store, prefix: '/pods/', clock })
})

async function put(...keys: string[]): Promise<void> {
  for (const key of keys)
    await store.transact((txn) => txn.put(key, new Encoded({ metadata: { name: key } }, txn.revision))).durable
}

const list = (options: Parameters<ResourceCache['list']>[0]) => cache.list(options) as ListResult
const names = (result: ListResult) => result.items.map(({ object }) => object.metadata.name?.replace('/pods/ns/', ''))

function refusal(token: string): ApiError {
  try {
    list({ continue: token })
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('the token is still good')
}

it('[WC5] ends a token after five minutes although nothing of this resource changed, once the store has moved on', async () => {
  await put('/pods/ns/a', '/pods/ns/b', '/pods/ns/c', '/pods/ns/d', '/pods/ns/e')
  const first = list({ limit: 2 })
  const token = first.continue as string
  await clock.advance(5 * 60_000 + 1)
  expect(names(list({ continue: token }))).toEqual(['c', 'd', 'e'])
  await put('/other/x')
  const { status } = refusal(token)
  expect(status).toMatchObject({ code: 410, reason: 'Expired' })
  const second = list({ limit: 2, continue: status.metadata.continue as string })
  expect(second.revision).toBeGreaterThan(first.revision)
  expect([names(second), second.remainingItemCount]).toEqual([['c', 'd'], 1])
  const third = list({ limit: 2, continue: second.continue as string })
  expect([names(third), third.revision, third.continue]).toEqual([['e'], second.revision, undefined])
})

it('[WC5] counts the five minutes from the newest list of a revision', async () => {
  await put('/pods/ns/a', '/pods/ns/b')
  list({ limit: 1 })
  await clock.advance(4 * 60_000)
  const token = list({ limit: 1 }).continue as string
  await put('/other/x')
  await clock.advance(4 * 60_000)
  expect(names(list({ continue: token }))).toEqual(['b'])
  await clock.advance(60_001)
  expect(refusal(token).code).toBe(410)
})
