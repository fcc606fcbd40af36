import { expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { openStore } from '../store/mvcc-store.ts'
import { Encoded, encodes } from '../wire/encoded.ts'
import { jsonFrame } from '../wire/frame.ts'
import { typedListPieces, whole } from '../wire/list.ts'
import { itemCodec } from './item-codec.ts'
import { createResourceCache } from './resource-cache.ts'
import type { Item, ListResult } from './watch-cache.ts'

it('[WC23] encodes a write once for the journal, 1,000 watchers and 100 lists, and sends all watchers one buffer', async () => {
  const store = await openStore<Item>({ journal: new MemoryJournal({ retain: true }), codec: itemCodec })
  const clock = new SimClock({ drain: async () => {} })
  const cache = createResourceCache({ store, prefix: '/pods/', clock })
  const frames: Uint8Array[] = []
  for (let i = 0; i < 1_000; i++)
    cache.watch(
      { sendInitialEvents: false },
      { event: ({ type, item }) => Boolean(item && frames.push(jsonFrame(type, item))), end() {} },
    )
  const before = encodes()
  await store.transact((txn) => {
    const metadata = { name: 'a', namespace: 'ns', resourceVersion: String(txn.revision) }
    txn.put('/pods/ns/a', new Encoded<KubernetesObject>({ kind: 'Pod', apiVersion: 'v1', metadata }, txn.revision))
  }).durable
  const head = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '2' } }
  for (let i = 0; i < 100; i++) {
    const { items } = cache.list({}) as ListResult
    whole(typedListPieces(head, { kind: 'Pod', apiVersion: 'v1' }, items))
  }
  expect(encodes() - before).toBe(1)
  expect(frames).toHaveLength(1_000)
  expect(new Set(frames).size).toBe(1)
})
