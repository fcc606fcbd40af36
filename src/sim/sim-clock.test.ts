import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sleep } from '../base/clock.ts'
import { SimClock } from './sim-clock.ts'

const drain = () => nextTurn()
const make = () => new SimClock({ drain, startMs: 1_000 })

it('fires by due time, and by the order of setting among equals', async () => {
  const clock = make()
  const fired: string[] = []
  clock.setTimer(20, () => fired.push(`c@${clock.now()}`))
  clock.setTimer(10, () => fired.push(`a@${clock.now()}`))
  clock.setTimer(10, () => fired.push(`b@${clock.now()}`))
  expect(await clock.run()).toBe(3)
  expect(fired).toEqual(['a@1010', 'b@1010', 'c@1020'])
  expect(clock.monotonic()).toBe(20)
})

it('never fires synchronously, not even with a delay of 0 or less', async () => {
  const clock = make()
  let fired = 0
  clock.setTimer(-5, () => fired++)
  expect(fired).toBe(0)
  await clock.advance(0)
  expect(fired).toBe(1)
  expect(clock.now()).toBe(1_000)
})

it('runs microtasks dry between two timers', async () => {
  const clock = make()
  const seen: string[] = []
  clock.setTimer(1, async () => {
    for (let i = 0; i < 50; i++) await null
    seen.push('tail of the first')
  })
  clock.setTimer(1, () => seen.push('second'))
  await clock.run()
  expect(seen).toEqual(['tail of the first', 'second'])
})

it('sets timers set by timers, and stops at `until` with now there', async () => {
  const clock = make()
  let ticks = 0
  const tick = () => {
    ticks++
    clock.setTimer(1_000, tick)
  }
  clock.setTimer(1_000, tick)
  await clock.advance(3_500)
  expect(ticks).toBe(3)
  expect(clock.now()).toBe(4_500)
  expect(clock.nextDue()).toBe(5_000)
  expect(await clock.run({ maxTasks: 2 })).toBe(2)
  expect(clock.now()).toBe(6_000)
})

it('does not fire what was cancelled', async () => {
  const clock = make()
  let fired = 0
  const timer = clock.setTimer(5, () => fired++)
  const other = clock.setTimer(1, () => timer.cancel())
  await clock.run()
  other.cancel()
  timer.cancel()
  expect(fired).toBe(0)
  expect(clock.now()).toBe(1_001)
})

it('runs until a predicate holds, and says when it never did', async () => {
  const clock = make()
  let count = 0
  for (let i = 1; i <= 5; i++) clock.setTimer(i * 10, () => count++)
  expect(await clock.runUntil(() => count === 3)).toBe(true)
  expect(clock.now()).toBe(1_030)
  expect(await clock.runUntil(() => count === 9, 10)).toBe(false)
  expect(clock.now()).toBe(1_040)
  expect(await clock.runUntil(() => count === 9)).toBe(false)
  expect(count).toBe(5)
})

it('lets an error of a callback through', async () => {
  const clock = make()
  clock.setTimer(1, () => {
    throw new Error('of the callback')
  })
  await expect(clock.run()).rejects.toThrow('of the callback')
  expect(await clock.run()).toBe(0)
})

it('sleeps in virtual time, and an abort ends the sleep', async () => {
  const clock = make()
  const abort = new AbortController()
  let woke = -1
  void sleep(clock, 30_000).then(() => {
    woke = clock.now()
  })
  let early = -1
  void sleep(clock, 60_000, abort.signal).then(() => {
    early = clock.now()
  })
  clock.setTimer(100, () => abort.abort())
  await clock.run()
  expect(woke).toBe(31_000)
  expect(early).toBe(1_100)
})

it('keeps the order for any set of timers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 40 }), async (delays) => {
      const clock = new SimClock({ drain: async () => {} })
      const fired: number[] = []
      delays.forEach((delay, i) => void clock.setTimer(delay, () => fired.push(i)))
      await clock.run()
      const expected = delays.map((delay, i) => ({ delay, i })).sort((a, b) => a.delay - b.delay || a.i - b.i)
      expect(fired).toEqual(expected.map(({ i }) => i))
    }),
  )
})
