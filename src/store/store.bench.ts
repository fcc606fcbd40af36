/** `npx vitest bench src/store`: each line says what one operation is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, bench, describe } from 'vitest'
import { openLmdbJournal } from './lmdb-journal.node.ts'
import { MemoryJournal } from './memory-journal.ts'
import { openStore } from './mvcc-store.ts'

const VALUE = new Uint8Array(2_500).fill(120)
const codec = { encode: (value: Uint8Array) => value, decode: (bytes: Uint8Array) => bytes }
const folder = mkdtempSync(join(tmpdir(), 'ebb-bench-'))

const memory = await openStore({ journal: new MemoryJournal(), codec })
const disk = await openStore({ journal: await openLmdbJournal(join(folder, 'live')), codec })

const full = await openStore({ journal: await openLmdbJournal(join(folder, 'full')), codec })
await Promise.all(
  Array.from({ length: 2_000 }, (_, i) => full.transact((txn) => txn.put(`/pods/default/p${i}`, VALUE)).durable),
)
await full.close()

afterAll(async () => {
  await disk.close()
  rmSync(folder, { recursive: true, force: true })
})

let next = 0
function put(store: typeof memory): Promise<void> {
  const key = `/pods/default/p${next++ % 10_000}`
  return store.transact((txn) => {
    txn.get(key)
    txn.put(key, VALUE)
  }).durable
}
const together = (store: typeof memory, count: number) => Promise.all(Array.from({ length: count }, () => put(store)))

describe('2.5 kB values, durable', () => {
  bench('memory: 1 write', () => put(memory))
  bench('memory: 1,000 writes at once', async () => void (await together(memory, 1_000)))
  bench('disk: 1 write', () => put(disk))
  bench('disk: 50 writes at once', async () => void (await together(disk, 50)))
  bench('disk: 1,000 writes at once', async () => void (await together(disk, 1_000)))
  bench('disk: open and load 2,000', async () => {
    const store = await openStore({ journal: await openLmdbJournal(join(folder, 'full')), codec })
    await store.close()
  })
})
