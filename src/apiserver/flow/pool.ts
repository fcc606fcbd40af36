/**
 * Slots for work, and a queue before them in which users take turns: who asks much waits behind their own requests, not in front
 * of those of others. Everything in it is bounded.
 */
import type { Turn } from './turn.ts'

export interface PoolLimits {
  /** Requests being worked on at once. */
  readonly slots: number
  /** Of these, what one user may have. */
  readonly slotsPerUser: number
  /** Requests that wait, in all and of one user; one more is refused. */
  readonly waiting: number
  readonly waitingPerUser: number
}

export interface Job {
  readonly user: string
  /** Does the work, without throwing; `release` gives the slot back, then or later. */
  start(release: () => void): void
}

interface Flow {
  active: number
  /** In order of arrival. */
  readonly waiting: Set<Job>
}

export class Pool {
  private readonly limits: PoolLimits
  private readonly turn: Turn
  /** Users with something under way or waiting; those whose turn comes first are first. */
  private readonly flows = new Map<string, Flow>()
  private active = 0
  private waiting = 0
  private dispatching = false

  constructor(limits: PoolLimits, turn: Turn) {
    this.limits = limits
    this.turn = turn
    turn.onNext(() => this.dispatch())
  }

  /** Begins the job, now or later. False: there is no room for it. */
  offer(job: Job): boolean {
    const flow = this.flowOf(job.user)
    if (this.waiting === 0 && this.hasSlot(flow) && this.turn.begin()) {
      this.start(job, flow)
      return true
    }
    const { waiting, waitingPerUser } = this.limits
    if (this.waiting >= waiting || flow.waiting.size >= waitingPerUser) return false
    flow.waiting.add(job)
    this.waiting++
    this.dispatch()
    return true
  }

  /** Takes a job off the queue: its client has gone. Nothing happens when it was begun already. */
  withdraw(job: Job): void {
    const flow = this.flows.get(job.user)
    if (!flow?.waiting.delete(job)) return
    this.waiting--
    this.forget(job.user, flow)
  }

  private flowOf(user: string): Flow {
    let flow = this.flows.get(user)
    if (!flow) {
      flow = { active: 0, waiting: new Set() }
      this.flows.set(user, flow)
    }
    return flow
  }

  private hasSlot(flow: Flow): boolean {
    return this.active < this.limits.slots && flow.active < this.limits.slotsPerUser
  }

  /** Begins a job; its user goes to the end of the line. */
  private start(job: Job, flow: Flow): void {
    this.flows.delete(job.user)
    this.flows.set(job.user, flow)
    this.active++
    flow.active++
    let held = true
    job.start(() => {
      if (!held) return
      held = false
      this.active--
      flow.active--
      this.forget(job.user, flow)
      this.dispatch()
    })
  }

  private dispatch(): void {
    // A job that is over at once comes back here: the loop that began it goes on.
    if (this.dispatching) return
    this.dispatching = true
    for (let next = this.next(); next; next = this.next()) this.start(...next)
    this.dispatching = false
  }

  /** The oldest job of the user whose turn it is. */
  private next(): [Job, Flow] | undefined {
    if (this.waiting === 0 || !this.turn.begin()) return undefined
    for (const flow of this.flows.values()) {
      const [job] = flow.waiting
      if (!job || !this.hasSlot(flow)) continue
      flow.waiting.delete(job)
      this.waiting--
      return [job, flow]
    }
    return undefined
  }

  private forget(user: string, flow: Flow): void {
    if (flow.active === 0 && flow.waiting.size === 0 && this.flows.get(user) === flow) this.flows.delete(user)
  }
}
