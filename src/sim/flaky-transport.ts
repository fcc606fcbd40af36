/**
 * A transport that does what networks do: requests and events are late, requests get lost, answers get lost after the
 * request was carried out, watches break. In order, as a connection keeps it; seeded, so that a run can be repeated.
 */
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import {
  type Transport,
  TransportError,
  type TransportRequest,
  type TransportResponse,
  type WatchEvent,
  type WatchHandlers,
} from '../client/transport.ts'

export interface Faults {
  /** Longest delay of a request, an answer or an event. */
  readonly delayMs: number
  /** Share of requests that do not arrive. */
  readonly lost: number
  /** Share of requests that are carried out and whose answer does not arrive. */
  readonly unanswered: number
  /** Mean time after which a watch breaks. */
  readonly watchMs: number
}

export class FlakyTransport implements Transport {
  private readonly inner: Transport
  private readonly clock: Clock
  private readonly random: Random
  /** undefined: healed. Takes effect at once, also for open watches. */
  faults: Faults | undefined

  constructor(inner: Transport, seams: { readonly clock: Clock; readonly random: Random; readonly faults: Faults }) {
    this.inner = inner
    this.clock = seams.clock
    this.random = seams.random
    this.faults = seams.faults
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { faults } = this
    if (!faults) return this.inner.send(request)
    await this.delay()
    const fate = this.random.ratio()
    if (fate < faults.lost) throw new TransportError(`${request.method} ${request.path}: lost`)
    const answer = await this.inner.send(request)
    await this.delay()
    if (fate < faults.lost + faults.unanswered)
      throw new TransportError(`${request.method} ${request.path}: the answer was lost`)
    return answer
  }

  async watch(request: TransportRequest, handlers: WatchHandlers): ReturnType<Transport['watch']> {
    await this.delay()
    const late = new LateWatch(handlers, () => this.delay())
    const opened = await this.inner.watch(request, {
      event: (event) => late.event(event),
      end: (error) => late.end(error),
    })
    if (this.faults && opened.status === 200) {
      const timer = this.clock.setTimer(this.faults.watchMs * 2 * this.random.ratio(), () => {
        if (!this.faults) return
        late.break()
        opened.stop()
      })
      late.ended = () => timer.cancel()
    }
    return {
      ...opened,
      stop() {
        late.stop()
        opened.stop()
      },
    }
  }

  stream(request: TransportRequest): ReturnType<Transport['stream']> {
    return this.inner.stream(request)
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  private delay(): Promise<void> {
    return this.faults ? sleep(this.clock, this.faults.delayMs * this.random.ratio()) : Promise.resolve()
  }
}

/** Hands events on one after the other, each after its delay. */
class LateWatch {
  private readonly handlers: WatchHandlers
  private readonly delay: () => Promise<void>
  private last: Promise<void> = Promise.resolve()
  private over = false
  ended = () => {}

  constructor(handlers: WatchHandlers, delay: () => Promise<void>) {
    this.handlers = handlers
    this.delay = delay
  }

  event(event: WatchEvent<unknown>): void {
    this.later(() => this.handlers.event(event))
  }

  end(error: Error | undefined): void {
    this.later(() => this.finish(error))
  }

  /** Drops what is on its way. */
  break(): void {
    this.finish(new TransportError('the watch broke'))
  }

  stop(): void {
    this.over = true
    this.ended()
  }

  private later(act: () => void): void {
    const before = this.last
    const delay = this.delay()
    this.last = before
      .then(() => delay)
      .then(() => {
        if (!this.over) act()
      })
  }

  private finish(error: Error | undefined): void {
    if (this.over) return
    this.over = true
    this.ended()
    this.handlers.end(error)
  }
}
