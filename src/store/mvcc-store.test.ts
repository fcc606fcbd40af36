import { expect, it } from 'vitest'
import { MemoryJournal } from './memory-journal.ts'
import { openStore } from './mvcc-store.ts'
import type { Change } from './store.ts'

const text = {
  encode: (value: string) => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
}

it('puts, gets, ranges, deletes and tells', async () => {
  const store = await openStore({ journal: new MemoryJournal(), codec: text })
  const seen: Change<string>[] = []
  store.subscribe('/pods/', (changes) => void seen.push(...changes))
  const a = store.transact((txn) => txn.put('/pods/default/a', 'one'))
  const b = store.transact((txn) => {
    txn.put('/pods/default/b', 'two')
    expect(txn.get('/pods/default/a')?.value).toBe('one')
    expect([...txn.range('/pods/')].map((e) => e.key)).toEqual(['/pods/default/a', '/pods/default/b'])
    return txn.revision
  })
  expect(store.get('/pods/default/a')).toBeUndefined()
  await b.durable
  await a.durable
  expect(store.get('/pods/default/a')).toMatchObject({ value: 'one', createRevision: 2, modRevision: 2, version: 1 })
  await store.transact((txn) => txn.delete('/pods/default/a', 'gone')).durable
  expect(seen.map((c) => [c.type, c.key, c.revision])).toEqual([
    ['put', '/pods/default/a', 2],
    ['put', '/pods/default/b', 3],
    ['delete', '/pods/default/a', 4],
  ])
})
