import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { assert, InvariantError, unreachable } from './assert.ts'
import { systemClock } from './clock.node.ts'
import { sleep } from './clock.ts'
import { Lifetime } from './lifetime.ts'
import { SeededRandom, uuid } from './random.ts'
import { type TraceEvent, tracer } from './trace.ts'

describe('Lifetime', () => {
  it('closes in reverse order, children with it, once', async () => {
    const order: string[] = []
    const life = new Lifetime('parent')
    life.add('first', () => order.push('first'))
    const child = life.child('child')
    child.add('inner', async () => {
      await pause(1)
      order.push('inner')
    })
    life.add('last', () => order.push('last'))
    await Promise.all([life.close(), life.close()])
    expect(order).toEqual(['last', 'inner', 'first'])
    expect([life.closed, child.closed, child.signal.aborted]).toEqual([true, true, true])
  })

  it('runs all ends though some throw, and says which', async () => {
    const ran: string[] = []
    const life = new Lifetime('thing')
    life.add('good', () => ran.push('good'))
    life.add('bad', () => {
      throw new Error('no')
    })
    await expect(life.close()).rejects.toMatchObject({ errors: [{ message: 'closing thing: bad' }] })
    expect(ran).toEqual(['good'])
  })

  it('forgets what was taken back, and a child that closed early', async () => {
    const ran: string[] = []
    const life = new Lifetime('parent')
    life.add('taken back', () => ran.push('taken back'))()
    const child = life.child('child')
    child.add('once', () => ran.push('once'))
    await child.close()
    await life.close()
    expect(ran).toEqual(['once'])
  })

  it('runs an end at once that is added too late', async () => {
    const life = new Lifetime('closed')
    await life.close()
    const ran = new Promise<void>((resolve) => life.add('late', resolve))
    await ran
  })
})

describe('SeededRandom', () => {
  const draw = (random: SeededRandom) => Array.from({ length: 20 }, () => random.int(1_000))

  it('repeats itself from the same seed, forks included', () => {
    expect(draw(new SeededRandom(7))).toEqual(draw(new SeededRandom(7)))
    expect(draw(new SeededRandom(7))).not.toEqual(draw(new SeededRandom(8)))
    const fork = (name: string) => draw(new SeededRandom(7).fork(name) as SeededRandom)
    expect(fork('kubelet')).toEqual(fork('kubelet'))
    expect(fork('kubelet')).not.toEqual(fork('proxy'))
  })

  it('is about uniform', () => {
    const random = new SeededRandom(3)
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) {
      const at = random.int(10)
      counts[at] = (counts[at] as number) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(9_000)
    for (let i = 0; i < 1_000; i++) {
      const ratio = random.ratio()
      expect(ratio >= 0 && ratio < 1).toBe(true)
    }
  })

  it('makes version 4 UUIDs', () => {
    const random = new SeededRandom(1)
    const made = new Set(Array.from({ length: 1_000 }, () => uuid(random)))
    expect(made.size).toBe(1_000)
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe('the machine’s clock', () => {
  it('fires timers, not those cancelled, and an abort ends a sleep', async () => {
    let fired = 0
    systemClock.setTimer(1, () => fired++).cancel()
    const before = systemClock.monotonic()
    await sleep(systemClock, 2)
    expect(systemClock.monotonic()).toBeGreaterThan(before)
    const abort = new AbortController()
    const long = sleep(systemClock, 2 ** 40, abort.signal)
    abort.abort()
    await long
    await sleep(systemClock, 60_000, abort.signal)
    expect(fired).toBe(0)
  })
})

it('traces with the clock’s time and only what was given', () => {
  const events: TraceEvent[] = []
  const trace = tracer({ ...systemClock, now: () => 42 }, 'kubelet', (event) => void events.push(event))
  trace.emit('signal-sent', 'pod default/web', { detail: { signal: 'SIGTERM' } })
  trace.emit('pod-seen', 'pod default/web', { cause: 'revision 7' })
  expect(events).toEqual([
    { at: 42, component: 'kubelet', step: 'signal-sent', object: 'pod default/web', detail: { signal: 'SIGTERM' } },
    { at: 42, component: 'kubelet', step: 'pod-seen', object: 'pod default/web', cause: 'revision 7' },
  ])
})

it('asserts with an error of its own', () => {
  expect(() => assert(0, 'zero')).toThrow(InvariantError)
  assert(1, 'one')
  expect(() => unreachable('x' as never)).toThrow('unreachable: "x"')
})
