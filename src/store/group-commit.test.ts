import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { SimClock } from '../sim/sim-clock.ts'
import type { JournalBatch } from './journal.ts'
import { MemoryJournal } from './memory-journal.ts'
import { openStore } from './mvcc-store.ts'
import { StoreError } from './store.ts'

const codec = {
  encode: (value: string) => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
}

it('[ST24] gathers commits while the journal flushes, and flushes them together', async () => {
  const clock = new SimClock({ drain: () => nextTurn() })
  const batches: number[][] = []
  const fault = ({ records }: JournalBatch) => void batches.push(records.map((record) => record.modRevision))
  const journal = new MemoryJournal({ delay: { clock, ms: () => 10 }, fault })
  const store = await openStore({ journal, codec })
  const published: number[] = []
  store.subscribe('/', (changes) => void published.push(changes[0]?.revision ?? 0))
  const put = (key: string) => store.transact((txn) => txn.put(`/a/${key}`, 'x'))
  put('1')
  put('2')
  await clock.advance(5)
  put('3')
  put('4')
  await clock.advance(4)
  expect([batches, published, store.revision]).toEqual([[], [], 1])
  await clock.advance(1)
  expect([batches, published]).toEqual([[[2, 3]], [2, 3]])
  await clock.advance(10)
  expect([batches, published]).toEqual([
    [
      [2, 3],
      [4, 5],
    ],
    [2, 3, 4, 5],
  ])
})

it('[ST25] ends writes when the journal fails; nothing unflushed was ever seen, and reads go on', async () => {
  const clock = new SimClock({ drain: () => nextTurn() })
  const fault = ({ revision }: JournalBatch) => {
    if (revision > 2) throw new Error('disk full')
  }
  const journal = new MemoryJournal({ retain: true, delay: { clock, ms: () => 10 }, fault })
  const store = await openStore({ journal, codec })
  const seen: number[] = []
  store.subscribe('/', (changes) => void seen.push(changes[0]?.revision ?? 0))
  const put = (key: string) => store.transact((txn) => txn.put(`/a/${key}`, 'x'))
  put('kept')
  await clock.advance(5)
  const lost = [put('lost'), put('lost too')]
  const failed = { code: 'journal-failed', message: expect.stringContaining('disk full') }
  const rejections = Promise.all(lost.map(({ durable }) => expect(durable).rejects.toMatchObject(failed)))
  await clock.advance(20)
  await rejections
  expect(() => put('later')).toThrow(expect.objectContaining(failed))
  expect([seen, store.revision, store.range('/').map((entry) => entry.key)]).toEqual([[2], 2, ['/a/kept']])
  await store.close()
  const again = await openStore({ journal, codec })
  expect([again.revision, again.range('/').length]).toEqual([2, 1])
})

it('[ST27] goes on without room: what grows is refused until there is some, what makes room is taken', async () => {
  let room = true
  class SmallJournal extends MemoryJournal {
    hasRoom(): boolean {
      return room
    }
    override async commit(batch: JournalBatch): Promise<void> {
      if (!room && batch.grows?.()) throw new StoreError('no-space', 'the disk is full')
      return super.commit(batch)
    }
  }
  const journal = new SmallJournal({ retain: true })
  const said: (string | undefined)[] = []
  const store = await openStore({ journal, codec, troubled: (trouble) => void said.push(trouble?.code) })
  const seen: number[] = []
  store.subscribe('/', (changes) => void seen.push(changes[0]?.revision ?? 0))
  const put = (key: string, value = 'x') => store.transact((txn) => txn.put(`/a/${key}`, value))
  const full = { code: 'no-space' }
  await Promise.all(['1', '2', '3'].map((key) => put(key).durable))
  room = false
  // Found out by the first batch: what came after it, and could have seen it, goes with it.
  const lost = [put('4'), store.transact((txn) => txn.delete('/a/1'))]
  await Promise.all(lost.map(({ durable }) => expect(durable).rejects.toMatchObject(full)))
  expect([store.revision, store.trouble?.code, said]).toEqual([4, 'no-space', ['no-space']])
  expect(() => put('5')).toThrow(expect.objectContaining(full))
  expect(() => put('3', 'x'.repeat(100_000))).toThrow(expect.objectContaining(full))
  await put('3', 'changed').durable
  await store.transact((txn) => txn.delete('/a/1')).durable
  expect(store.range('/').map(({ key, value }) => `${key} ${value}`)).toEqual(['/a/2 x', '/a/3 changed'])
  room = true
  await put('6').durable
  expect([store.trouble, said, seen]).toEqual([undefined, ['no-space', undefined], [2, 3, 4, 5, 6, 7]])
  await store.close()
  const again = await openStore({ journal, codec })
  expect([again.revision, again.range('/').map(({ key }) => key)]).toEqual([7, ['/a/2', '/a/3', '/a/6']])
})

it('[ST26] lets an error of a listener surface, and calls the others', async () => {
  const store = await openStore({ journal: new MemoryJournal(), codec })
  const surfaced = new Promise<unknown>((resolve) => {
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const listener of before) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
  const seen: number[] = []
  store.subscribe('/', () => {
    throw new Error('of a listener')
  })
  store.subscribe('/', (changes) => void seen.push(changes[0]?.revision ?? 0))
  await store.transact((txn) => txn.put('/a/1', 'x')).durable
  expect(await surfaced).toMatchObject({ message: 'of a listener' })
  expect(seen).toEqual([2])
})

it('spares the encoding where the journal keeps nothing', async () => {
  let encoded = 0
  const encode = (value: string) => {
    encoded++
    return codec.encode(value)
  }
  const counting = { ...codec, encode }
  const store = await openStore({ journal: new MemoryJournal(), codec: counting })
  await store.transact((txn) => txn.put('/a/1', 'x')).durable
  expect(encoded).toBe(0)
  const kept = await openStore({ journal: new MemoryJournal({ retain: true }), codec: counting })
  await kept.transact((txn) => txn.put('/a/1', 'x')).durable
  expect(encoded).toBe(1)
})
