/**
 * Open-loop load: each request has its due time by a schedule made before it is known how the answers come. A late request
 * is sent late and its latency still counts from when it was due, so a stall of the server (or of us) shows in every request
 * that fell into it. A closed loop would wait instead and hide the very outage that is looked for (coordinated omission).
 *
 *   const load = startLoad({ client, clock, ratePerSecond: 200, record: (request) => ... })
 *   await load.stop()     // no new requests; resolves when those in flight have ended
 */
import type { Clock, Timer } from '../base/clock.ts'

/** `new`: a connection for this request alone. `keep-alive`: one kept from earlier requests where there is one. */
type ConnectionKind = 'new' | 'keep-alive'

/**
 * ok         status below 500, complete answer
 * status     complete answer with status 500 or more
 * refused    the connection was refused
 * reset      the connection ended before the first byte of an answer
 * cut        the answer began and did not end
 * timeout    nothing decided in time
 */
export type RequestOutcome = 'ok' | 'status' | 'refused' | 'reset' | 'cut' | 'timeout'

/** What an HTTP client says of one request. It never rejects. */
export interface Answer {
  readonly outcome: RequestOutcome
  readonly status?: number
  /** Error code of the machine, e.g. ECONNRESET. */
  readonly error?: string
  /** Name of the pod that answered, when it says so. */
  readonly pod?: string
  /** Name of the pod that this connection's earlier answers came from; keep-alive only. */
  readonly connectedTo?: string
  /** The connection existed before this request. */
  readonly reused: boolean
}

export interface HttpClient {
  send(request: { readonly kind: ConnectionKind; readonly timeoutMs: number }): Promise<Answer>
  close(): void
}

export interface RequestRecord extends Answer {
  /** Number in the schedule, from 0. */
  readonly number: number
  readonly kind: ConnectionKind
  /** Milliseconds since 1970, with a fraction. `endedAt - dueAt` is the latency. */
  readonly dueAt: number
  readonly sentAt: number
  readonly endedAt: number
}

export interface LoadOptions {
  readonly client: HttpClient
  readonly clock: Clock
  readonly ratePerSecond: number
  /** Kinds of successive requests, again and again. Default: half new, half keep-alive. */
  readonly kinds?: readonly ConnectionKind[]
  /** Default 5,000. */
  readonly timeoutMs?: number
  /** Told of each request when it has ended: in the order of the ends, not of the due times. */
  record(request: RequestRecord): void
}

export interface Load {
  /** When the first request was due, in ms since 1970. */
  readonly startedAt: number
  readonly inFlight: number
  /** Sends nothing more; resolves when every request has ended. */
  stop(): Promise<void>
}

/** Requests in flight at a time; a request due while there are more is recorded as a timeout that was never sent. */
const IN_FLIGHT_MAX = 5_000
const TIMEOUT_MS = 5_000
const KINDS: readonly ConnectionKind[] = ['new', 'keep-alive']

export function startLoad(options: LoadOptions): Load {
  return new OpenLoop(options)
}

class OpenLoop implements Load {
  readonly startedAt: number
  inFlight = 0
  private readonly options: LoadOptions
  private readonly startedMonotonic: number
  private readonly intervalMs: number
  private next = 0
  private timer: Timer | undefined
  private stopped = false
  private whenIdle: () => void = () => {}

  constructor(options: LoadOptions) {
    this.options = options
    this.startedAt = options.clock.now()
    this.startedMonotonic = options.clock.monotonic()
    this.intervalMs = 1000 / options.ratePerSecond
    this.schedule()
  }

  stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    return new Promise((resolve) => {
      this.whenIdle = resolve
      if (this.inFlight === 0) resolve()
    })
  }

  private schedule(): void {
    const elapsed = this.options.clock.monotonic() - this.startedMonotonic
    this.timer = this.options.clock.setTimer(this.next * this.intervalMs - elapsed, () => this.sendDue())
  }

  /** Sends everything that is due by now: more than one after a stall. */
  private sendDue(): void {
    const elapsed = this.options.clock.monotonic() - this.startedMonotonic
    // A timer may fire a fraction of a millisecond early; what it was set for is due all the same.
    do this.sendOne(this.next++)
    while (this.next * this.intervalMs <= elapsed)
    if (!this.stopped) this.schedule()
  }

  private sendOne(number: number): void {
    const { client, clock, kinds = KINDS, timeoutMs = TIMEOUT_MS, record } = this.options
    const kind = kinds[number % kinds.length] ?? 'new'
    const dueAt = this.startedAt + number * this.intervalMs
    const sentAt = clock.now()
    if (this.inFlight >= IN_FLIGHT_MAX) {
      record({
        number,
        kind,
        dueAt,
        sentAt,
        endedAt: sentAt,
        outcome: 'timeout',
        reused: false,
        error: 'never sent: too many in flight',
      })
      return
    }
    this.inFlight++
    const ended = (answer: Answer) => {
      this.inFlight--
      record({ ...answer, number, kind, dueAt, sentAt, endedAt: clock.now() })
      if (this.stopped && this.inFlight === 0) this.whenIdle()
    }
    client.send({ kind, timeoutMs }).then(ended, (error: unknown) => ended(failed(error)))
  }
}

const failed = (error: unknown): Answer => ({ outcome: 'reset', error: String(error), reused: false })

export interface LoadSummary {
  readonly requests: number
  readonly lost: number
  /** Latencies of the requests that were answered, from their due times, in ms. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** How late the sender itself was, at worst, in ms. */
  readonly sentLateMax: number
}

export const isLost = (request: RequestRecord): boolean => request.outcome !== 'ok'

export function summarize(requests: readonly RequestRecord[]): LoadSummary {
  const latencies = requests.filter((r) => !isLost(r)).map((r) => r.endedAt - r.dueAt)
  latencies.sort((a, b) => a - b)
  const at = (ratio: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * ratio))] ?? 0
  return {
    requests: requests.length,
    lost: requests.length - latencies.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    sentLateMax: requests.reduce((late, r) => Math.max(late, r.sentAt - r.dueAt), 0),
  }
}
