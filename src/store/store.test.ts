import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type StoreMaker, storeContract } from './contract.ts'
import { openLmdbJournal } from './lmdb-journal.node.ts'
import { MemoryJournal } from './memory-journal.ts'
import { type Edit, ModelStore } from './model.ts'
import { openStore } from './mvcc-store.ts'
import type { Change, Store } from './store.ts'

const codec = {
  encode: (value: string) => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
}

async function inMemory(): Promise<StoreMaker> {
  const journal = new MemoryJournal({ retain: true })
  return { open: (options) => openStore({ journal, codec, ...options }), dispose: async () => {} }
}

async function onDisk(): Promise<StoreMaker> {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-store-'))
  return {
    open: async (options) => openStore({ journal: await openLmdbJournal(join(folder, 'data')), codec, ...options }),
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

storeContract('memory', inMemory)
storeContract('disk', onDisk)

const keys = ['/pods/a/x', '/pods/a/y', '/pods/a-b/x', '/pods/b/x', '/nodes/n', '/podsets/a/x']
const prefixes = ['/', '/pods/', '/pods/a/', '/po', '/nodes/', '/nothing/']
const edit = fc.record({
  key: fc.constantFrom(...keys),
  value: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
})
const edits = fc.uniqueArray(edit, { selector: (e) => e.key, maxLength: 4 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), edits }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), edits }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      prefix: fc.constantFrom(...prefixes),
      back: fc.nat(4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Listener {
  readonly prefix: string
  readonly from: number
  readonly heard: (readonly Change<string>[])[]
}

/** Drives a store and the model with the same steps, and compares all that can be seen after each. */
class Comparison {
  private readonly model = new ModelStore()
  private readonly maker: StoreMaker
  private store: Store<string>
  private acknowledged = 1
  private floor = 1
  private pending: Promise<void>[] = []
  private listeners: Listener[] = []

  constructor(maker: StoreMaker, store: Store<string>) {
    this.maker = maker
    this.store = store
  }

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case 'commit':
        return this.commit(next.edits)
      case 'abort':
        return this.abort(next.edits)
      case 'settle':
        return this.settle()
      case 'turn':
        return
      case 'subscribe':
        return this.subscribe(next.prefix, Math.max(this.store.revision - next.back, 1))
      case 'compact':
        this.store.compact(this.store.revision - next.back)
        this.floor = Math.max(this.floor, this.store.revision - next.back)
        return
      case 'reopen':
        return this.reopen()
    }
  }

  check(): void {
    const { revision } = this.store
    expect(revision).toBeGreaterThanOrEqual(this.acknowledged)
    expect(revision).toBeLessThanOrEqual(this.model.head)
    expect(this.store.compactedRevision).toBe(this.floor)
    for (const prefix of prefixes) expect([...this.store.range(prefix)]).toEqual(this.model.range(revision, prefix))
    for (const key of keys) expect(this.store.get(key)).toEqual(this.model.states[revision]?.get(key))
    for (const { prefix, from, heard } of this.listeners)
      expect(heard).toEqual(this.model.events(prefix, from, revision))
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending)
    this.pending = []
    expect(this.store.revision).toBe(this.model.head)
  }

  close(): Promise<void> {
    return this.store.close()
  }

  private commit(edits: readonly Edit[]): void {
    const before = this.model.head
    const { revision, durable } = this.store.transact((txn) => {
      for (const prefix of prefixes) expect([...txn.range(prefix)]).toEqual(this.model.range(before, prefix))
      for (const { key, value } of edits) value === undefined ? txn.delete(key) : txn.put(key, value)
    })
    expect(revision).toBe(this.model.commit(edits))
    const acknowledge = () => {
      this.acknowledged = Math.max(this.acknowledged, revision)
    }
    this.pending.push(durable.then(acknowledge))
  }

  private abort(edits: readonly Edit[]): void {
    const failing = () =>
      this.store.transact((txn) => {
        for (const { key, value } of edits) value === undefined ? txn.delete(key) : txn.put(key, value)
        throw new Error('aborted')
      })
    expect(failing).toThrow('aborted')
  }

  private subscribe(prefix: string, from: number): void {
    const heard: (readonly Change<string>[])[] = []
    const listen = () => this.store.subscribe(prefix, (changes) => void heard.push(changes), from)
    if (from < this.floor) {
      expect(listen).toThrow(expect.objectContaining({ code: 'compacted' }))
      return
    }
    listen()
    this.listeners.push({ prefix, from, heard })
  }

  private async reopen(): Promise<void> {
    await this.store.close()
    this.store = await this.maker.open()
    expect(this.store.revision).toBe(this.model.head)
    this.acknowledged = this.model.head
    this.floor = this.model.head
    this.listeners = []
    this.pending = []
  }
}

async function compare(make: () => Promise<StoreMaker>, steps: readonly Step[]): Promise<void> {
  const maker = await make()
  const store = await maker.open()
  const comparison = new Comparison(maker, store)
  try {
    for (const next of steps) {
      await comparison.take(next)
      comparison.check()
    }
    await comparison.settle()
    comparison.check()
    await comparison.take({ do: 'reopen' })
    comparison.check()
  } finally {
    await comparison.close()
    await maker.dispose()
  }
}

it('does what the naive model does, in memory', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) => compare(inMemory, steps)),
    { numRuns: 300 },
  )
})

it('does what the naive model does, on disk', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) => compare(onDisk, steps)),
    { numRuns: 25 },
  )
})
