/** `npx vitest bench src/watch-cache`: 2,000 pods of about 2.5 kB in 20 namespaces, 10 % of them with the label asked for. */
import { bench, describe } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { openStore } from '../store/mvcc-store.ts'
import { Encoded } from '../wire/encoded.ts'
import { jsonFrame } from '../wire/frame.ts'
import { typedListPieces, whole } from '../wire/list.ts'
import { itemCodec } from './item-codec.ts'
import { createResourceCache } from './resource-cache.ts'
import type { Filter, Item, ListResult } from './watch-cache.ts'

const clock = new SimClock({ drain: async () => {} })
const store = await openStore<Item>({ journal: new MemoryJournal(), codec: itemCodec })
const cache = createResourceCache({ store, prefix: '/pods/', clock })
const type = { kind: 'Pod', apiVersion: 'v1' }
const head = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' } }
const matches = (object: KubernetesObject) => object.metadata.labels?.app === 'app3'
const indexed: Filter = { matches, label: { key: 'app', value: 'app3' } }

function pod(i: number, revision: number): Item {
  const metadata = {
    name: `p${i}`,
    namespace: `ns${i % 20}`,
    labels: { app: `app${i % 10}`, tier: 'web' },
    annotations: { filler: 'x'.repeat(2_200) },
    resourceVersion: String(revision),
  }
  return new Encoded<KubernetesObject>({ ...type, metadata }, revision)
}

const write = (i: number) => store.transact((txn) => txn.put(`/pods/ns${i % 20}/p${i}`, pod(i, txn.revision))).durable
await Promise.all(Array.from({ length: 2_000 }, (_, i) => write(i)))
const list = (options: Parameters<typeof cache.list>[0]) => cache.list(options) as ListResult
const render = (result: ListResult) => void whole(typedListPieces(head, type, result.items))

describe('lists out of 2,000 pods', () => {
  bench('all', () => void list({}))
  bench('all, rendered (5 MB)', () => render(list({})))
  bench('one namespace of 20', () => void list({ namespace: 'ns7' }))
  bench('by label, 10 %, with index', () => void list({ filter: indexed }))
  bench('by label, 10 %, walking', () => void list({ filter: { matches } }))
  bench('by label, 10 %, with index, rendered (490 kB)', () => render(list({ filter: indexed })))
  bench('limit 500', () => void list({ limit: 500 }))
})

let delivered = 0
for (let i = 0; i < 50; i++)
  cache.watch(
    { sendInitialEvents: false },
    {
      event({ type, item }) {
        if (item) delivered += jsonFrame(type, item).length
        return true
      },
      end() {},
    },
  )

describe('fan-out', () => {
  bench('200 writes to 50 watchers, framed', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => write(i)))
    if (delivered === 0) throw new Error('nothing was delivered')
  })
})
