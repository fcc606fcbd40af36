import { expect, it } from 'vitest'
import { sleep } from '../base/clock.ts'
import { Lifetime } from '../base/lifetime.ts'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { after, Controller, done, type Reconcile, TerminalError } from './controller.ts'
import { WorkQueue } from './workqueue.ts'

const newClock = () => new SimClock({ drain })

function setUp(reconcile: Reconcile, workers?: number) {
  const clock = newClock()
  const lifetime = new Lifetime('test')
  const failures: string[] = []
  const controller = new Controller({
    name: 'test',
    clock,
    lifetime,
    reconcile,
    ...(workers ? { workers } : {}),
    failed: ({ key, willRetry }) => failures.push(`${key} ${willRetry ? 'again' : 'given up'}`),
  })
  return { clock, lifetime, controller, failures }
}

it('[WQ1] [WQ2] hands a key out once, and once more when it was added meanwhile', () => {
  const queue = new WorkQueue(newClock())
  for (const key of ['a', 'b', 'a']) queue.add(key)
  expect([queue.take(), queue.take(), queue.take()]).toEqual(['a', 'b', undefined])
  queue.add('a')
  queue.add('a')
  expect(queue.take()).toBeUndefined()
  queue.done('a')
  expect([queue.take(), queue.take()]).toEqual(['a', undefined])
  queue.done('a')
  queue.done('b')
  expect(queue.idle).toBe(true)
})

it('[WQ3] [WQ5] holds the earliest delay, and leaves no timer when closed', async () => {
  const clock = newClock()
  const queue = new WorkQueue(clock)
  queue.addAfter('a', 100)
  queue.addAfter('a', 50)
  queue.addAfter('a', 200)
  await clock.advance(50)
  expect(queue.take()).toBe('a')
  queue.done('a')
  await clock.advance(1000)
  expect(queue.take()).toBeUndefined()
  queue.addAfter('b', 100)
  queue.close()
  expect(clock.nextDue()).toBeUndefined()
  queue.add('c')
  expect(queue.take()).toBeUndefined()
})

it('[WQ4] backs off from 5 ms, doubling, to 1000 s', async () => {
  const clock = newClock()
  const queue = new WorkQueue(clock)
  const waits: number[] = []
  for (let i = 0; i < 20; i++) {
    const before = clock.monotonic()
    queue.addRateLimited('a')
    await clock.runUntil(() => queue.size > 0)
    waits.push(clock.monotonic() - before)
    queue.done(queue.take() ?? '')
  }
  expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40])
  expect(waits.at(-1)).toBe(1_000_000)
  queue.forget('a')
  expect(queue.retries('a')).toBe(0)
})

it('[CO1] obeys what a reconcile returns', async () => {
  const calls: string[] = []
  const { clock, controller, failures } = setUp(async (key) => {
    calls.push(key)
    const times = calls.filter((each) => each === key).length
    if (key === 'later' && times < 3) return after(1000)
    if (key === 'throws' && times < 3) throw new Error('not yet')
    if (key === 'stops') throw new TerminalError('never')
    return done
  })
  for (const key of ['plain', 'later', 'throws', 'stops']) controller.enqueue(key)
  void controller.start()
  await clock.advance(10_000)
  const count = (key: string) => calls.filter((each) => each === key).length
  expect(['plain', 'later', 'throws', 'stops'].map(count)).toEqual([1, 3, 3, 1])
  expect(failures).toEqual(['throws again', 'stops given up', 'throws again'])
  expect(controller.idle).toBe(true)
})

it('[CO2] works on one key once at a time, and on several at once', async () => {
  let now = 0
  let most = 0
  const perKey = new Map<string, number>()
  const { clock, controller } = setUp(async (key) => {
    expect(perKey.get(key) ?? 0).toBe(0)
    perKey.set(key, 1)
    most = Math.max(most, ++now)
    await sleep(clock, 10)
    now--
    perKey.set(key, 0)
    return done
  }, 3)
  void controller.start()
  for (let round = 0; round < 5; round++) {
    for (const key of ['a', 'b', 'c', 'd', 'e']) controller.enqueue(key)
    await clock.advance(7)
  }
  await clock.advance(1000)
  expect(most).toBe(3)
})

it('[CO3] begins when it is ready, and its end waits for what is in flight', async () => {
  const calls: string[] = []
  const { clock, lifetime, controller } = setUp(async (key, signal) => {
    await sleep(clock, 100)
    calls.push(`${key} aborted=${signal.aborted}`)
    return done
  }, 1)
  let ready: () => void = () => {}
  void controller.start(new Promise<void>((resolve) => (ready = resolve)))
  controller.enqueue('a')
  controller.enqueue('b')
  await clock.advance(1000)
  expect(calls).toEqual([])
  ready()
  await clock.advance(50)
  let closed = false
  void lifetime.close().then(() => (closed = true))
  await clock.advance(10)
  expect(closed).toBe(false)
  await clock.advance(100)
  expect(closed).toBe(true)
  expect(calls).toEqual(['a aborted=true'])
})
