/**
 * Virtual time: timers fire in the order (due, sequence of setting), each with `now` set to its due time first, and between
 * two of them all microtasks run dry. A year of timers passes as fast as their callbacks run.
 *
 *   const clock = new SimClock({ drain })      // drain: resolves when no microtask is left
 *   clock.setTimer(30_000, kill)
 *   await clock.advance(30_000)                // kill has run, and all that it set going
 */
import { assert } from '../base/assert.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { Heap } from '../base/heap.ts'

/** 2026-01-01T00:00:00Z: a fixed start, so that the same seed gives the same texts. */
const START_MS = 1_767_225_600_000

export interface SimClockOptions {
  /** Resolves when all microtasks have run dry; on Node one turn of setImmediate does that. */
  readonly drain: () => Promise<void>
  /** Wall time at the start, in ms since 1970. */
  readonly startMs?: number
}

interface Task {
  readonly due: number
  readonly sequence: number
  fire: (() => void) | undefined
}

export interface RunOptions {
  /** Wall time in ms: timers due later stay, and `now` ends there. Default: until no timer is left. */
  readonly until?: number
  /** Stops after so many timers (0 or more); the answer says how many ran. */
  readonly maxTasks?: number
}

export class SimClock implements Clock {
  private readonly drain: () => Promise<void>
  private readonly start: number
  private readonly tasks = new Heap<Task>((a, b) => a.due - b.due || a.sequence - b.sequence)
  private time: number
  private setBy = 0
  private sequence = 0
  private running = false

  constructor({ drain, startMs }: SimClockOptions) {
    this.drain = drain
    this.start = startMs ?? START_MS
    this.time = this.start
  }

  now(): number {
    return this.time + this.setBy
  }

  /** The machine's clock is set, by hand or after a sleep: `now` goes, timers and `monotonic` do not. */
  set(byMs: number): void {
    this.setBy += byMs
  }

  monotonic(): number {
    return this.time - this.start
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const task: Task = { due: this.time + Math.max(delayMs, 0), sequence: this.sequence++, fire }
    this.tasks.push(task)
    return {
      cancel() {
        task.fire = undefined
      },
    }
  }

  /** When the next timer is due, or undefined when there is none. */
  nextDue(): number | undefined {
    return this.next()?.due
  }

  /** Runs timers in order; see RunOptions for its ends. Resolves with how many ran. Throws what a timer's callback throws. */
  async run({ until, maxTasks = Number.POSITIVE_INFINITY }: RunOptions = {}): Promise<number> {
    assert(!this.running, 'the virtual clock is being run already')
    this.running = true
    try {
      let ran = 0
      await this.drain()
      while (ran < maxTasks) {
        const task = this.next()
        if (!task || (until !== undefined && task.due > until)) {
          if (until !== undefined && until > this.time) this.time = until
          break
        }
        await this.fire(task)
        ran++
      }
      return ran
    } finally {
      this.running = false
    }
  }

  /** Lets `ms` of virtual time pass. Resolves with how many timers ran. */
  advance(ms: number): Promise<number> {
    return this.run({ until: this.time + ms })
  }

  /**
   * Runs timers until `predicate` holds (it is asked before the first and after each). Resolves with whether it held; false when no timer was left
   * or `withinMs` of virtual time had passed.
   */
  async runUntil(predicate: () => boolean, withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const deadline = this.time + withinMs
    await this.drain()
    while (!predicate()) {
      const due = this.nextDue()
      if (due === undefined || due > deadline) return false
      await this.run({ maxTasks: 1 })
    }
    return true
  }

  /** The next task that was not cancelled. */
  private next(): Task | undefined {
    let task = this.tasks.peek()
    while (task && task.fire === undefined) {
      this.tasks.pop()
      task = this.tasks.peek()
    }
    return task
  }

  private async fire(task: Task): Promise<void> {
    this.tasks.pop()
    this.time = Math.max(this.time, task.due)
    const { fire } = task
    task.fire = undefined
    fire?.()
    await this.drain()
  }
}
