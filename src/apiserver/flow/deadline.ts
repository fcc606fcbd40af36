/** How long a request may take. Source: apiserver's WithRequestDeadline and WithTimeoutForNonLongRunningRequests. */
import { badRequest, failure } from '../../api/status.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Exchange } from '../exchange.ts'
import { isLongRunning } from './levels.ts'

/** From the head of a request to that of its answer, its body and all waiting included, in ms; then the answer is 504. */
export const REQUEST_TIMEOUT_MS = 60_000

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** The request's own `?timeout=` where it is shorter; undefined for streams. Throws ApiError 400 for one that is no duration. */
export function deadlineOf({ info, request }: Pick<Exchange, 'info' | 'request'>): number | undefined {
  if (isLongRunning(info)) return undefined
  const text = request.query.get('timeout')
  if (!text) return REQUEST_TIMEOUT_MS
  const asked = durationMs(text)
  return asked > 0 ? Math.min(asked, REQUEST_TIMEOUT_MS) : REQUEST_TIMEOUT_MS
}

/** A Go duration (`1m30s`, `1.5h`, `0`) in ms. */
function durationMs(text: string): number {
  const [, sign, rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? []
  if (rest === '0') return 0
  let ms = 0
  let at = 0
  for (const [part, number, unit = ''] of rest.matchAll(/((?:\d+\.?\d*)|(?:\.\d+))([^\d.]*)/gy)) {
    at += part.length
    if (unit === '') throw badDuration(`missing unit in duration ${JSON.stringify(text)}`)
    const factor = UNITS_MS[unit]
    if (factor === undefined)
      throw badDuration(`unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`)
    ms += Number(number) * factor
  }
  if (at === 0 || at < rest.length) throw badDuration(`invalid duration ${JSON.stringify(text)}`)
  return sign === '-' ? -ms : ms
}

const badDuration = (why: string) => badRequest(`invalid timeout specified in the request URL - time: ${why}`)

interface Waiting {
  /** In ms of the clock's `monotonic`. */
  readonly until: number
  fail(): void
}

/**
 * Ends the waiting for requests that take too long. Nearly all have the same time, which so runs out in the order in which they
 * came: one timer is for all of them, and none is set for each.
 */
export class Deadlines {
  private readonly clock: Clock
  private readonly waiting = new Set<Waiting>()
  private timer: Timer | undefined
  private closed = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The outcome of `work`, or 504 after `ms`: the work goes on then, nobody waits for it. */
  within<T>(ms: number, work: Promise<T>): Promise<T> {
    return ms === REQUEST_TIMEOUT_MS && !this.closed ? this.inLine(work) : this.alone(ms, work)
  }

  /** The common timer ends; requests that are still waited for have one of their own from here on. */
  close(): void {
    this.closed = true
    if (this.waiting.size === 0) this.stop()
  }

  private inLine<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const mine: Waiting = { until: this.clock.monotonic() + REQUEST_TIMEOUT_MS, fail: () => reject(timedOut()) }
      this.waiting.add(mine)
      this.timer ??= this.clock.setTimer(REQUEST_TIMEOUT_MS, () => this.expire())
      work.then(
        (result) => {
          this.leave(mine)
          resolve(result)
        },
        (error: unknown) => {
          this.leave(mine)
          reject(error as Error)
        },
      )
    })
  }

  private alone<T>(ms: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimer(ms, () => reject(timedOut()))
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  private leave(mine: Waiting): void {
    this.waiting.delete(mine)
    if (this.closed && this.waiting.size === 0) this.stop()
  }

  private expire(): void {
    const now = this.clock.monotonic()
    for (const one of this.waiting) {
      if (one.until > now) break
      this.waiting.delete(one)
      one.fail()
    }
    const [first] = this.waiting
    this.timer = first && this.clock.setTimer(first.until - now, () => this.expire())
  }

  private stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }
}

const timedOut = () => failure(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {})
