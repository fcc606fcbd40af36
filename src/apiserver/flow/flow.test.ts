import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { drain } from '../../sim/drain.node.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import type { ApiRequest, ApiResponse, RequestBody, UserInfo } from '../../wire/exchange.ts'
import type { Exchange } from '../exchange.ts'
import { requestInfo } from '../request-info.ts'
import { textResponse } from '../respond.ts'
import { Warnings } from '../warnings.ts'
import { Deadlines, deadlineOf, REQUEST_TIMEOUT_MS } from './deadline.ts'
import { levelOf, standingOf } from './levels.ts'
import { FLOW_LIMITS, type FlowLimits, type Limiter, limiter } from './limit.ts'
import { Pool } from './pool.ts'
import { Turn } from './turn.ts'

const admin = { name: 'admin', groups: ['system:masters'] }
const node = { name: 'system:node:n', groups: ['system:nodes'] }
const someone = { name: 'system:serviceaccount:default:default', groups: ['system:serviceaccounts'] }
const another = { name: 'jane', groups: ['system:authenticated'] }

let clock: SimClock
beforeEach(() => {
  clock = new SimClock({ drain })
})

describe('the level of a request', () => {
  it.each([
    [admin, 'GET', '/api/v1/pods', 'exempt'],
    [node, 'GET', '/api/v1/pods', 'system'],
    [node, 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n', 'leader-election'],
    [{ name: 'system:kube-scheduler', groups: [] }, 'GET', '/api/v1/pods', 'system'],
    [{ name: 'system:kube-nobody', groups: [] }, 'GET', '/api/v1/pods', 'workload'],
    [someone, 'PUT', '/apis/coordination.k8s.io/v1/namespaces/default/leases/l', 'workload'],
    [someone, 'GET', '/livez', 'exempt'],
    [someone, 'GET', '/readyz/etcd', 'exempt'],
    [someone, 'GET', '/livezoo', 'workload'],
    [{ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/api', 'workload'],
  ])('of %j: %s %s is %s', (user: UserInfo, method, path, level) => {
    expect(levelOf(user, requestInfo(method, path, new URLSearchParams()))).toBe(level)
    if (level !== 'exempt') expect(standingOf(user)).not.toBe('exempt')
  })
})

/** The clock; `timers` are those that are set. */
function watched(timers: Set<object>): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer(ms, fire) {
      const mine = {}
      timers.add(mine)
      const timer = clock.setTimer(ms, () => {
        timers.delete(mine)
        fire()
      })
      return {
        cancel() {
          timers.delete(mine)
          timer.cancel()
        },
      }
    },
  }
}

describe('the time for a request', () => {
  const of = (path: string, query = '') => {
    const asked = new URLSearchParams(query)
    return deadlineOf({ info: requestInfo('GET', path, asked), request: { query: asked } as never })
  }

  it.each([
    ['', REQUEST_TIMEOUT_MS],
    ['timeout=5s', 5_000],
    ['timeout=1m30s', REQUEST_TIMEOUT_MS],
    ['timeout=1.5s', 1_500],
    ['timeout=.5s20ms', 520],
    ['timeout=0', REQUEST_TIMEOUT_MS],
    ['timeout=0s', REQUEST_TIMEOUT_MS],
    ['timeout=-3s', REQUEST_TIMEOUT_MS],
  ])('that asks for %j is %i ms', (query, ms) => expect(of('/api/v1/pods', query)).toBe(ms))

  it.each([
    ['5', 'missing unit in duration "5"'],
    ['soon', 'invalid duration "soon"'],
    ['5x', 'unknown unit "x" in duration "5x"'],
    ['s', 'invalid duration "s"'],
  ])('cannot be %j', (text, why) =>
    expect(() => of('/api/v1/pods', `timeout=${text}`)).toThrow(
      `invalid timeout specified in the request URL - time: ${why}`,
    ),
  )

  it('is not limited for streams', () => {
    expect(of('/api/v1/pods', 'watch=true&timeout=5s')).toBe(undefined)
    expect(of('/api/v1/namespaces/default/pods/p/log')).toBe(undefined)
  })

  it('ends with 504 in the words of Kubernetes', async () => {
    const deadlines = new Deadlines(clock)
    const outcome = deadlines.within(5_000, new Promise(() => {})).catch((error: unknown) => error)
    await clock.advance(5_000)
    expect(await outcome).toMatchObject({
      status: {
        code: 504,
        reason: 'Timeout',
        message: 'Timeout: request did not complete within the allotted timeout',
      },
    })
    expect(await deadlines.within(5_000, Promise.resolve(7))).toBe(7)
  })

  it('runs out for each in its turn, with one timer for all that have the usual time', async () => {
    const timers = new Set<object>()
    const deadlines = new Deadlines(watched(timers))
    const over: string[] = []
    const wait = (name: string) =>
      void deadlines.within(REQUEST_TIMEOUT_MS, new Promise(() => {})).catch(() => over.push(name))
    wait('first')
    await clock.advance(20_000)
    wait('second')
    const answered = deadlines.within(REQUEST_TIMEOUT_MS, Promise.resolve(7))
    const refused = deadlines.within(REQUEST_TIMEOUT_MS, Promise.reject(new Error('no')))
    expect(timers.size).toBe(1)
    expect(await answered).toBe(7)
    await expect(refused).rejects.toThrow('no')
    await clock.advance(REQUEST_TIMEOUT_MS - 20_001)
    expect(over).toEqual([])
    await clock.advance(1)
    expect(over).toEqual(['first'])
    await clock.advance(19_999)
    expect(over).toEqual(['first'])
    await clock.advance(1)
    expect(over).toEqual(['first', 'second'])
    expect(timers.size).toBe(0)
  })

  it('keeps running for those that wait while the server closes, and for no longer', async () => {
    const timers = new Set<object>()
    const deadlines = new Deadlines(watched(timers))
    const outcome = deadlines.within(REQUEST_TIMEOUT_MS, new Promise(() => {})).catch(() => 'over')
    let settle: (value: number) => void = () => {}
    const slow = deadlines.within(REQUEST_TIMEOUT_MS, new Promise<number>((resolve) => (settle = resolve)))
    deadlines.close()
    settle(7)
    expect(await slow).toBe(7)
    expect(await deadlines.within(REQUEST_TIMEOUT_MS, Promise.resolve(8))).toBe(8)
    await clock.advance(REQUEST_TIMEOUT_MS)
    expect(await outcome).toBe('over')
    expect(timers.size).toBe(0)
  })
})

const one = { slots: 1, slotsPerUser: 1, waiting: 3, waitingPerUser: 2 }

describe('a pool of slots', () => {
  const began: string[] = []
  const releases: (() => void)[] = []
  const job = (user: string, name: string) => ({
    user,
    start(release: () => void) {
      began.push(name)
      releases.push(release)
    },
  })
  afterEach(() => {
    began.length = 0
    releases.length = 0
  })

  it('lets users take turns, in the order they came', () => {
    const pool = new Pool({ ...one, waiting: 10, waitingPerUser: 10 }, new Turn(clock))
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) pool.offer(job(name.slice(0, 1), name))
    for (let i = 0; i < 6; i++) releases[i]?.()
    expect(began).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
  })

  it('refuses what would wait behind too many, of one user and of all', () => {
    const pool = new Pool(one, new Turn(clock))
    const offers = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) => pool.offer(job(name.slice(0, 1), name)))
    expect(offers).toEqual([true, true, true, false, true, false, false])
  })

  it('leaves slots for others', () => {
    const pool = new Pool({ slots: 3, slotsPerUser: 2, waiting: 9, waitingPerUser: 9 }, new Turn(clock))
    for (const name of ['a1', 'a2', 'a3', 'b1']) pool.offer(job(name.slice(0, 1), name))
    expect(began).toEqual(['a1', 'a2', 'b1'])
    releases[0]?.()
    releases[0]?.()
    expect(began).toEqual(['a1', 'a2', 'b1', 'a3'])
  })

  it('forgets those that do not wait any longer', () => {
    const pool = new Pool(one, new Turn(clock))
    const gone = job('b', 'b1')
    for (const wanted of [job('a', 'a1'), gone, job('c', 'c1')]) pool.offer(wanted)
    pool.withdraw(gone)
    releases[0]?.()
    expect(began).toEqual(['a1', 'c1'])
  })

  it('goes on in the next turn when this one is spent, with what came meanwhile in its place', async () => {
    let now = 0
    const slow = { now: () => now, monotonic: () => now, setTimer: clock.setTimer.bind(clock) }
    const pool = new Pool({ slots: 99, slotsPerUser: 99, waiting: 99, waitingPerUser: 99 }, new Turn(slow))
    const working = (user: string, name: string) => ({
      user,
      start(release: () => void) {
        began.push(name)
        now += 4
        release()
      },
    })
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) pool.offer(working('a', name))
    expect(began).toEqual(['a1', 'a2'])
    pool.offer(working('b', 'b1'))
    await clock.advance(1)
    expect(began.slice(0, 4)).toEqual(['a1', 'a2', 'a3', 'b1'])
    await clock.advance(1)
    expect(began).toEqual(['a1', 'a2', 'a3', 'b1', 'a4', 'a5'])
  })

  it('empties a long queue without going deep', async () => {
    let count = 0
    const pool = new Pool({ ...one, waiting: 5_000, waitingPerUser: 5_000 }, new Turn(clock))
    pool.offer(job('a', 'first'))
    for (let i = 0; i < 5_000; i++)
      pool.offer({
        user: 'a',
        start(release) {
          count++
          release()
        },
      })
    releases[0]?.()
    expect(count).toBe(5_000)
  })
})

describe('the limit before the handler', () => {
  const limits: FlowLimits = {
    workload: { reading: { ...one, waitingPerUser: 0 }, writing: { ...one, waitingPerUser: 0 } },
    system: { reading: { ...one, waitingPerUser: 0 }, writing: { ...one, waitingPerUser: 0 } },
    leaderElection: { ...one, waitingPerUser: 0 },
    streamsPerUser: 2,
    streams: 3,
  }
  let flow: Limiter
  beforeEach(() => {
    flow = limiter(clock, limits)
  })

  interface Sent {
    answer: Promise<ApiResponse>
    finish(answer?: ApiResponse): void
    arrive(): void
    over(): void
  }

  function send(user: UserInfo, method: string, path: string): Sent {
    let finish = (_: ApiResponse) => {}
    let arrive = (_: RequestBody) => {}
    const ends: (() => void)[] = []
    const body = new Promise<RequestBody>((resolve) => {
      arrive = resolve
    })
    const query = new URLSearchParams(path.split('?')[1])
    const request = { method, query, body: () => body, whenOver: (done: () => void) => ends.push(done) }
    const exchange: Exchange = {
      request: request as unknown as ApiRequest,
      info: requestInfo(method, path.split('?')[0] ?? '', query),
      user,
      warnings: new Warnings(),
    }
    const served = new Promise<ApiResponse>((resolve) => {
      finish = resolve
    })
    const answer = Promise.resolve(flow.run(exchange, () => served))
    return {
      answer,
      finish: (made = textResponse('done')) => finish(made),
      arrive: () => arrive(undefined),
      over() {
        for (const end of ends) end()
      },
    }
  }

  const refused = { status: 429, headers: { 'retry-after': '1' } }
  const pods = '/api/v1/pods'

  it('refuses in the words of Kubernetes when there is no room, and has room again afterwards', async () => {
    const first = send(someone, 'GET', pods)
    expect(await send(another, 'GET', pods).answer).toMatchObject({
      ...refused,
      body: { type: 'text', text: 'Too many requests, please try again later.\n' },
    })
    first.finish()
    await first.answer
    const next = send(another, 'GET', pods)
    next.finish()
    expect((await next.answer).status).toBe(200)
  })

  it('gives nobody a slot whose body has not come', async () => {
    for (let i = 0; i < 1000; i++) send(someone, 'POST', pods)
    const whole = send(another, 'POST', pods)
    whole.arrive()
    whole.finish()
    expect((await whole.answer).status).toBe(200)
  })

  it('keeps levels, reading and writing apart', async () => {
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n'
    for (const user of [someone, node]) {
      send(user, 'GET', pods)
      send(user, 'POST', pods).arrive()
    }
    for (const user of [another, node]) {
      expect(await send(user, 'GET', pods).answer).toMatchObject(refused)
      const post = send(user, 'POST', pods)
      post.arrive()
      expect(await post.answer).toMatchObject(refused)
    }
    for (const sent of [send(node, 'PUT', lease), send(admin, 'GET', pods), send(another, 'GET', '/livez')]) {
      sent.arrive()
      sent.finish()
      expect((await sent.answer).status).toBe(200)
    }
  })

  it('holds the slot of a list until it has been read', async () => {
    const list = send(someone, 'GET', pods)
    list.finish({ status: 200, headers: {}, body: { type: 'list' } as never })
    await list.answer
    expect(await send(another, 'GET', pods).answer).toMatchObject(refused)
    list.over()
    const next = send(another, 'GET', pods)
    next.finish()
    expect((await next.answer).status).toBe(200)
  })

  it('gives streams no slot and bounds their number, of one user and of all', async () => {
    const watch = `${pods}?watch=true`
    const open = [send(someone, 'GET', watch), send(someone, 'GET', watch)]
    expect(await send(someone, 'GET', watch).answer).toMatchObject(refused)
    open.push(send(another, 'GET', watch))
    expect(await send(another, 'GET', watch).answer).toMatchObject(refused)
    for (let i = 0; i < 10; i++) send(admin, 'GET', watch).finish()
    open[0]?.over()
    const next = send(another, 'GET', watch)
    next.finish()
    expect((await next.answer).status).toBe(200)
  })

  it('has as many slots as kube-apiserver', () => {
    const { reading, writing } = FLOW_LIMITS.workload
    expect([reading.slots, writing.slots]).toEqual([400, 200])
  })
})
