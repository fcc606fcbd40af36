/** What every Store does, whatever keeps it durable. Run by tests on memory and on disk; rules are those of SPEC.md. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Change, Store } from './store.ts'

export interface StoreMaker {
  /** Opens the store; after a close, again over the same journal. */
  open(options?: { readonly historyChangesMax?: number }): Promise<Store<string>>
  dispose(): Promise<void>
}

const A = '/pods/default/a'
const B = '/pods/default/b'

export function storeContract(name: string, make: () => Promise<StoreMaker>): void {
  describe(`store on ${name}`, () => {
    let maker: StoreMaker
    let store: Store<string>
    beforeEach(async () => {
      maker = await make()
      store = await maker.open()
    })
    afterEach(async () => {
      await store.close().catch(() => {})
      await maker.dispose()
    })
    const put = (key: string, value: string) => store.transact((txn) => txn.put(key, value))
    const reopen = async (options?: { readonly historyChangesMax?: number }) => {
      await store.close()
      store = await maker.open(options)
    }
    const context = { put, reopen, store: () => store }
    transactionRules(context)
    publicationRules(context)
    historyRules(context)
    durabilityRules(context)
  })
}

interface Context {
  readonly put: (key: string, value: string) => ReturnType<Store<string>['transact']>
  readonly reopen: (options?: { readonly historyChangesMax?: number }) => Promise<void>
  readonly store: () => Store<string>
}

function transactionRules({ put, store }: Context): void {
  it('[ST1] gives each transaction that changes something the next revision, beginning at 2', async () => {
    expect(store().revision).toBe(1)
    const both = store().transact((txn) => {
      txn.put(A, 'a')
      txn.put(B, 'b')
      return txn.revision
    })
    expect([both.result, both.revision]).toEqual([2, 2])
    await both.durable
    expect([...store().range('/pods/')].map((entry) => entry.modRevision)).toEqual([2, 2])
    expect(put(A, 'again').revision).toBe(3)
  })

  it('[ST2] takes no revision for a transaction that changes nothing, which is durable with what it could read', async () => {
    const write = put(A, 'a')
    const read = store().transact((txn) => txn.get(A)?.value)
    expect([read.result, read.revision]).toEqual(['a', write.revision])
    await read.durable
    expect(store().get(A)?.value).toBe('a')
    expect(store().revision).toBe(2)
  })

  it('[ST3] shows a transaction every earlier commit and its own changes, in key order', () => {
    put('/pods/b/x', '1')
    put('/pods/a/x', '2')
    put('/podsets/a/x', 'of another resource')
    store().transact((txn) => {
      txn.put('/pods/a-b/x', '3')
      txn.delete('/pods/b/x')
      expect(txn.get('/pods/b/x')).toBeUndefined()
      expect([...txn.range('/pods/')].map((entry) => entry.key)).toEqual(['/pods/a-b/x', '/pods/a/x'])
      expect([...txn.range('/pods/a/')].map((entry) => entry.value)).toEqual(['2'])
    })
  })

  it('[ST4] leaves nothing of a transaction that throws, and passes the error on', async () => {
    const error = new Error('no')
    const failing = () =>
      store().transact((txn) => {
        txn.put(A, 'a')
        throw error
      })
    expect(failing).toThrow(error)
    const next = store().transact((txn) => {
      expect(txn.get(A)).toBeUndefined()
      txn.put(B, 'b')
    })
    expect(next.revision).toBe(2)
    await next.durable
    expect(store().get(A)).toBeUndefined()
  })

  it('[ST5] refuses an async transaction, one inside another, and one used after its end', () => {
    // @ts-expect-error a Promise as result does not compile
    expect(() => store().transact(async (txn) => txn.put(A, 'a'))).toThrow('async')
    expect(() => store().transact(() => void store().transact(() => {}))).toThrow('inside')
    const { result } = store().transact((txn) => txn)
    expect(() => result.put(A, 'a')).toThrow('after its end')
    expect(() => result.get(A)).toThrow('after its end')
    expect(put(A, 'a').revision).toBe(2)
  })

  it('[ST6] takes one change of a key in a transaction; deleting what is not there is none', () => {
    expect(() =>
      store().transact((txn) => {
        txn.put(A, 'a')
        txn.delete(A)
      }),
    ).toThrow('twice')
    expect(store().transact((txn) => txn.delete(A)).revision).toBe(1)
    expect(() => put('/pods', 'no key')).toThrow('not a key')
  })

  it('[ST7] counts creation, modification and version; a deletion begins anew', async () => {
    put(A, '1')
    put(A, '2')
    await put(A, '3').durable
    expect(store().get(A)).toEqual({ key: A, value: '3', createRevision: 2, modRevision: 4, version: 3 })
    store().transact((txn) => txn.delete(A))
    await put(A, '4').durable
    expect(store().get(A)).toEqual({ key: A, value: '4', createRevision: 6, modRevision: 6, version: 1 })
  })
}

function publicationRules({ put, store }: Context): void {
  it('[ST8] shows outsiders only what is published', async () => {
    const commit = put(A, 'a')
    expect(store().get(A)).toBeUndefined()
    expect([...store().range('/')]).toEqual([])
    expect(store().revision).toBe(1)
    await commit.durable
    expect(store().get(A)?.value).toBe('a')
    expect([...store().range('/')].map((entry) => entry.key)).toEqual([A])
    expect(store().revision).toBe(2)
  })

  it('[ST9] resolves durable after the events of that commit were delivered', async () => {
    const order: string[] = []
    store().subscribe('/pods/', (changes) => void order.push(`event ${changes[0]?.revision}`))
    await Promise.all(
      [1, 2, 3].map((i) => put(`/pods/default/p${i}`, 'x').durable.then(() => order.push(`durable ${i + 1}`))),
    )
    for (const revision of [2, 3, 4])
      expect(order.indexOf(`event ${revision}`)).toBeLessThan(order.indexOf(`durable ${revision}`))
  })

  it('[ST10] calls listeners once for each revision, in order, with all changes of their prefix and the state of then', async () => {
    const seen: string[] = []
    store().subscribe('/pods/', (changes) => {
      const values = changes.map((change) => `${change.type} ${change.key} ${store().get(change.key)?.value}`)
      seen.push(`${store().revision}: ${values.join(', ')}`)
    })
    put(A, '1')
    store().transact((txn) => {
      txn.put(A, '2')
      txn.put(B, '2')
      txn.put('/nodes/n', 'not for this listener')
    })
    put('/nodes/m', 'nor this')
    await store().transact((txn) => txn.delete(A)).durable
    expect(seen).toEqual([`2: put ${A} 1`, `3: put ${A} 2, put ${B} 2`, `5: delete ${A} undefined`])
  })

  it('[ST11] tells a listener what was there before, and the tombstone of a deletion', async () => {
    const seen: Change<string>[] = []
    store().subscribe('/', (changes) => void seen.push(...changes))
    put(A, '1')
    put(A, '2')
    await store().transact((txn) => txn.delete(A, 'last words')).durable
    expect(seen.map((c) => [c.previous?.value, c.entry?.value, c.tombstone])).toEqual([
      [undefined, '1', undefined],
      ['1', '2', undefined],
      ['2', undefined, 'last words'],
    ])
  })

  it('[ST12] calls what listeners return once all of them have had the revision', async () => {
    const order: string[] = []
    store().subscribe('/pods/', () => {
      order.push('first')
      return () => void order.push('after first')
    })
    store().subscribe('/nodes/', () => void order.push('second'))
    await store().transact((txn) => {
      txn.put(A, 'a')
      txn.put('/nodes/n', 'n')
    }).durable
    expect(order).toEqual(['first', 'second', 'after first'])
  })

  it('[ST13] takes subscriptions and transactions made by a listener', async () => {
    const late: number[] = []
    let inner: Promise<void> | undefined
    const stop = store().subscribe('/', () => {
      stop()
      store().subscribe('/', (changes) => void late.push(changes[0]?.revision ?? 0))
      inner = put(B, 'from the listener').durable
    })
    await put(A, 'a').durable
    await inner
    expect(late).toEqual([3])
    expect(store().get(B)?.value).toBe('from the listener')
  })
}

function historyRules({ put, reopen, store }: Context): void {
  it('[ST14] replays from a revision and goes on without a gap or a double', async () => {
    for (let i = 0; i < 5; i++) await put(A, `${i}`).durable
    const flying = put(A, 'in flight')
    const seen: number[] = []
    store().subscribe('/pods/', (changes) => void seen.push(...changes.map((change) => change.revision)), 3)
    expect(seen).toEqual([4, 5, 6])
    await flying.durable
    await put(A, 'last').durable
    expect(seen).toEqual([4, 5, 6, 7, 8])
  })

  it('[ST15] keeps a bounded history and says so when asked for what went before', async () => {
    await reopen({ historyChangesMax: 3 })
    for (let i = 0; i < 5; i++) await put(A, `${i}`).durable
    const seen: number[] = []
    store().subscribe('/', (changes) => void seen.push(changes[0]?.revision ?? 0), 3)
    expect(seen).toEqual([4, 5, 6])
    expect(() => store().subscribe('/', () => undefined, 2)).toThrow(expect.objectContaining({ code: 'compacted' }))
  })

  it('[ST16] gives up history on compact, never more than what is published', async () => {
    await put(A, '1').durable
    await put(A, '2').durable
    store().compact(2)
    expect(store().compactedRevision).toBe(2)
    expect(() => store().subscribe('/', () => undefined, 1)).toThrow(expect.objectContaining({ code: 'compacted' }))
    store().subscribe('/', () => undefined, 2)()
    store().compact(99)
    expect(store().compactedRevision).toBe(3)
    store().compact(1)
    expect(store().compactedRevision).toBe(3)
  })
}

function durabilityRules({ put, reopen, store }: Context): void {
  it('[ST17] has everything acknowledged after a reopening, at the same revision, with history from there', async () => {
    put(A, '1')
    put(B, 'b')
    put(A, '2')
    await store().transact((txn) => txn.delete(B)).durable
    await reopen()
    expect(store().revision).toBe(5)
    expect([...store().range('/')]).toEqual([{ key: A, value: '2', createRevision: 2, modRevision: 4, version: 2 }])
    expect(store().compactedRevision).toBe(5)
    expect(() => store().subscribe('/', () => undefined, 4)).toThrow(expect.objectContaining({ code: 'compacted' }))
    expect(put(B, 'again').revision).toBe(6)
  })

  it('[ST18] finishes what was committed before it closes, and then takes nothing more', async () => {
    const commits = [put(A, 'a'), put(B, 'b')]
    const closing = store().close()
    expect(() => put(A, 'late')).toThrow(expect.objectContaining({ code: 'closed' }))
    await closing
    await Promise.all(commits.map((commit) => commit.durable))
    expect(store().get(B)?.value).toBe('b')
  })
}
