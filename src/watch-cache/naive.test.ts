/** The watch cache against a naive one: full states of all revisions, and events computed by comparing two states. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { openStore } from '../store/mvcc-store.ts'
import type { Store } from '../store/store.ts'
import { Encoded } from '../wire/encoded.ts'
import { itemCodec } from './item-codec.ts'
import { createResourceCache, type ResourceCache } from './resource-cache.ts'
import type { CacheEvent, Filter, Item, ListResult } from './watch-cache.ts'

interface Pod {
  readonly key: string
  readonly label: string
  readonly revision: number
}
type State = ReadonlyMap<string, Pod>

const keys = ['a/1', 'a/2', 'a/3', 'a-b/1', 'b/1', 'b/2']
const labels = ['x', 'y']
const selectors = [undefined, ...labels]
const namespaces = [undefined, 'a', 'b', 'none']

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      key: fc.constantFrom(...keys),
      label: fc.constantFrom(...labels),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...keys) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('other' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      back: fc.nat(12),
      selector: fc.constantFrom(...selectors),
      namespace: fc.constantFrom(...namespaces),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pages' as const),
      limit: fc.integer({ min: 1, max: 3 }),
      selector: fc.constantFrom(...selectors),
      namespace: fc.constantFrom(...namespaces),
      churn: fc.array(fc.constantFrom(...keys), { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('exact' as const),
      back: fc.nat(12),
      selector: fc.constantFrom(...selectors),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Of<D extends Step['do']> = Extract<Step, { do: D }>

const WINDOW_MAX = 8

class Naive {
  /** By revision; the revision of a write to another resource repeats the state before. */
  readonly states: State[] = [new Map(), new Map()]
  /** Revisions of this resource's changes. */
  readonly changes: number[] = []

  get head(): number {
    return this.states.length - 1
  }

  get oldest(): number {
    return this.changes.length > WINDOW_MAX ? (this.changes.at(-WINDOW_MAX - 1) as number) : 1
  }

  next(change: (state: Map<string, Pod>, revision: number) => boolean): void {
    const state = new Map(this.states[this.head])
    if (change(state, this.head + 1)) this.changes.push(this.head + 1)
    this.states.push(state)
  }

  list(revision: number, selector?: string, namespace?: string): Pod[] {
    return [...(this.states[revision] as State).values()]
      .filter((pod) => selected(pod, selector, namespace))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  events(from: number, selector?: string, namespace?: string): string[] {
    const events: string[] = []
    for (let revision = from + 1; revision <= this.head; revision++) {
      const [before, after] = [this.states[revision - 1] as State, this.states[revision] as State]
      for (const key of keys) {
        const [old, now] = [before.get(key), after.get(key)]
        if (old === now) continue
        const was = old && selected(old, selector, namespace)
        const is = now && selected(now, selector, namespace)
        if (is) events.push(`${was ? 'MODIFIED' : 'ADDED'} ${key} ${now.label} ${revision}`)
        else if (was) events.push(`DELETED ${key} ${old.label} ${revision}`)
      }
    }
    return events
  }
}

function selected(pod: Pod, selector?: string, namespace?: string): boolean {
  return (selector === undefined || pod.label === selector) && (!namespace || pod.key.startsWith(`${namespace}/`))
}

function podOf({ object }: Item): Pod {
  const { namespace, name, labels = {}, resourceVersion } = object.metadata
  return { key: `${namespace}/${name}`, label: labels.l ?? '', revision: Number(resourceVersion) }
}

function filterFor(selector: string | undefined): { filter?: Filter } {
  if (selector === undefined) return {}
  const matches = (object: KubernetesObject) => object.metadata.labels?.l === selector
  return { filter: { matches, label: { key: 'l', value: selector } } }
}

class Comparison {
  private readonly naive = new Naive()
  private readonly store: Store<Item>
  private readonly cache: ResourceCache
  private readonly watches: { readonly from: number; readonly step: Of<'watch'>; readonly seen: string[] }[] = []

  constructor(store: Store<Item>) {
    this.store = store
    const clock = new SimClock({ drain: () => nextTurn() })
    this.cache = createResourceCache({ store, prefix: '/pods/', clock, windowChangesMax: WINDOW_MAX })
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'put') await this.put(next.key, next.label)
    else if (next.do === 'delete') await this.delete(next.key)
    else if (next.do === 'other') await this.other()
    else if (next.do === 'watch') await this.watch(next)
    else if (next.do === 'pages') await this.pages(next)
    else this.exact(next)
  }

  check(): void {
    for (const namespace of namespaces)
      for (const selector of selectors) {
        const options = { ...filterFor(selector), ...(namespace ? { namespace } : {}) }
        const { items, revision } = this.cache.list(options) as ListResult
        expect(revision).toBe(this.naive.head)
        expect(items.map(podOf)).toEqual(this.naive.list(revision, selector, namespace))
      }
    for (const { from, step, seen } of this.watches)
      expect(seen).toEqual(this.naive.events(from, step.selector, step.namespace))
  }

  private async put(key: string, label: string): Promise<void> {
    const { durable } = this.store.transact((txn) =>
      txn.put(`/pods/${key}`, podItem({ key, label, revision: txn.revision })),
    )
    this.naive.next((state, revision) => Boolean(state.set(key, { key, label, revision })))
    await durable
  }

  private async delete(key: string): Promise<void> {
    if (!this.naive.states[this.naive.head]?.has(key)) return
    const { durable } = this.store.transact((txn) => txn.delete(`/pods/${key}`))
    this.naive.next((state) => state.delete(key))
    await durable
  }

  private async other(): Promise<void> {
    const { durable } = this.store.transact((txn) =>
      txn.put('/nodes/n', podItem({ key: 'n/n', label: '', revision: txn.revision })),
    )
    this.naive.next(() => false)
    await durable
  }

  private async watch(step: Of<'watch'>): Promise<void> {
    const from = Math.max(this.naive.head - step.back, 1)
    const seen: string[] = []
    const { selector, namespace } = step
    const options = { ...filterFor(selector), ...(namespace ? { namespace } : {}), resourceVersion: String(from) }
    this.cache.watch(options, { event: (event) => Boolean(seen.push(said(event))), end: () => void seen.push('end') })
    await null
    if (from < this.naive.oldest) expect(seen).toEqual(['ERROR', 'end'])
    else this.watches.push({ from, step, seen })
  }

  /** All pages of a list, with writes in between, are the state at its beginning, or end with 410. */
  private async pages({ limit, selector, namespace, churn }: Of<'pages'>): Promise<void> {
    const options = { ...filterFor(selector), ...(namespace ? { namespace } : {}), limit }
    const begin = this.naive.head
    const got: Pod[] = []
    let page = this.cache.list(options) as ListResult
    for (const key of ['', ...churn, '', '', '', '', '', '']) {
      got.push(...page.items.map(podOf))
      expect(page.revision).toBe(begin)
      if (page.remainingItemCount !== undefined)
        expect(page.remainingItemCount + got.length).toBe(this.naive.list(begin, selector, namespace).length)
      if (page.continue === undefined) break
      if (key) await this.put(key, 'x')
      page = this.cache.list({ ...options, continue: page.continue }) as ListResult
    }
    expect(got).toEqual(this.naive.list(begin, selector, namespace))
  }

  private exact({ back, selector }: Of<'exact'>): void {
    const revision = Math.max(this.naive.head - back, 1)
    const list = () =>
      this.cache.list({ ...filterFor(selector), resourceVersion: String(revision), resourceVersionMatch: 'Exact' })
    let result: ListResult
    try {
      result = list() as ListResult
    } catch (error) {
      expect(error).toMatchObject({ code: 410 })
      expect(revision).toBeLessThan(this.naive.oldest)
      return
    }
    expect(result.items.map(podOf)).toEqual(this.naive.list(revision, selector))
  }
}

function podItem({ key, label, revision }: Pod): Item {
  const [namespace = '', name = ''] = key.split('/')
  const metadata = { name, namespace, labels: { l: label }, resourceVersion: String(revision) }
  return new Encoded<KubernetesObject>({ kind: 'Pod', apiVersion: 'v1', metadata }, revision)
}

function said({ type, item, revision }: CacheEvent): string {
  if (type === 'ERROR' || !item) return type
  const pod = podOf(item)
  expect(pod.revision).toBe(revision)
  return `${type} ${pod.key} ${pod.label} ${revision}`
}

it('shows what a naive cache would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const comparison = new Comparison(await openStore({ journal: new MemoryJournal(), codec: itemCodec }))
      for (const next of steps) {
        await comparison.take(next)
        comparison.check()
      }
    }),
    { numRuns: 200 },
  )
})
