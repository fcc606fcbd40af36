/**
 * The last thing before a handler: a request gets a slot of its level, or waits for one. Its body has come by then, so that nobody
 * holds a slot by sending slowly; for lists the slot is held until they are read, because so long they take up memory.
 * Numbers: kube-apiserver's `--max-requests-inflight` and `--max-mutating-requests-inflight`, the queues of priority and fairness.
 */
import type { Clock } from '../../base/clock.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Exchange } from '../exchange.ts'
import { isReading } from '../request-info.ts'
import { tooBusy } from '../respond.ts'
import { isLongRunning, type Level, levelOf } from './levels.ts'
import { Pool, type PoolLimits } from './pool.ts'
import { Turn } from './turn.ts'

export interface FlowLimits {
  readonly workload: { readonly reading: PoolLimits; readonly writing: PoolLimits }
  readonly system: { readonly reading: PoolLimits; readonly writing: PoolLimits }
  readonly leaderElection: PoolLimits
  /** Watches, logs, exec and the like that are open: of one user, and of all that are no administrators. More are refused. */
  readonly streamsPerUser: number
  readonly streams: number
}

const pool = (slots: number, slotsPerUser: number): PoolLimits => ({
  slots,
  slotsPerUser,
  waiting: 1_000,
  waitingPerUser: 300,
})

/** When a queue is full too, the answer is 429: better a quick no than a slow yes. */
export const FLOW_LIMITS: FlowLimits = {
  workload: { reading: pool(400, 200), writing: pool(200, 100) },
  system: { reading: pool(200, 200), writing: pool(200, 200) },
  leaderElection: pool(100, 100),
  streamsPerUser: 3_000,
  streams: 6_000,
}

type Serve = () => ApiResponse | Promise<ApiResponse>

export interface Limiter {
  /** Serves the request when it is its turn. Answers 429 instead where there is no room. */
  run(exchange: Exchange, serve: Serve): ApiResponse | Promise<ApiResponse>
}

export function limiter(clock: Clock, limits: FlowLimits = FLOW_LIMITS): Limiter {
  const turn = new Turn(clock)
  // Told of a new turn in this order.
  const leaderElection = new Pool(limits.leaderElection, turn)
  const system = { reading: new Pool(limits.system.reading, turn), writing: new Pool(limits.system.writing, turn) }
  const workload = {
    reading: new Pool(limits.workload.reading, turn),
    writing: new Pool(limits.workload.writing, turn),
  }
  const poolOf = (level: Level, reading: boolean) => {
    if (level === 'leader-election') return leaderElection
    const pools = level === 'system' ? system : workload
    return reading ? pools.reading : pools.writing
  }
  const streams = new OpenStreams(limits)
  return {
    run(exchange, serve) {
      const { info, request, user } = exchange
      const level = levelOf(user, info)
      if (level === 'exempt') return serve()
      if (isLongRunning(info)) return streams.run(exchange, serve)
      const reading = isReading(request.method)
      const slots = poolOf(level, reading)
      if (reading) return inPool(slots, exchange, serve)
      return request.body().then(() => inPool(slots, exchange, serve))
    },
  }
}

function inPool(slots: Pool, exchange: Exchange, serve: Serve): ApiResponse | Promise<ApiResponse> {
  const { request, user } = exchange
  return new Promise((resolve) => {
    let begun = false
    const job = {
      user: user.name,
      start(release: () => void) {
        begun = true
        const settle = (answer: ApiResponse) => {
          if (answer.body.type === 'list' && request.whenOver) request.whenOver(release)
          else release()
          resolve(answer)
        }
        const fail = (error: unknown) => {
          release()
          resolve(Promise.reject(error))
        }
        try {
          const answer = serve()
          if (answer instanceof Promise) answer.then(settle, fail)
          else settle(answer)
        } catch (error) {
          fail(error)
        }
      },
    }
    if (!slots.offer(job)) resolve(tooBusy())
    else if (!begun) request.whenOver?.(() => slots.withdraw(job))
  })
}

class OpenStreams {
  private readonly limits: Pick<FlowLimits, 'streams' | 'streamsPerUser'>
  private readonly counts = new Map<string, number>()
  private total = 0

  constructor(limits: Pick<FlowLimits, 'streams' | 'streamsPerUser'>) {
    this.limits = limits
  }

  run({ request, user }: Exchange, serve: Serve): ApiResponse | Promise<ApiResponse> {
    // In-process streams are those of ebb's own parts.
    if (!request.whenOver) return serve()
    const count = this.counts.get(user.name) ?? 0
    if (count >= this.limits.streamsPerUser || this.total >= this.limits.streams) return tooBusy()
    this.counts.set(user.name, count + 1)
    this.total++
    request.whenOver(() => {
      this.total--
      const left = (this.counts.get(user.name) ?? 1) - 1
      if (left > 0) this.counts.set(user.name, left)
      else this.counts.delete(user.name)
    })
    return serve()
  }
}
