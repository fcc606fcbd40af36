/**
 * The runner of level-triggered reconcilers.
 *
 * A reconciler is one function of a key. It reads the present state (from informers, or live), decides, writes, and returns:
 *
 *   done          the key is forgotten until somebody enqueues it again
 *   after(ms)     as done, and the key comes again in `ms` at the latest
 *   throw         the key comes again after a back-off of 5 ms, 10, 20, ... 1000 s; conflicts (409) and timeouts are ordinary
 *                 throws: the next call reads newer state
 *   TerminalError the failure is reported, and the key is forgotten: trying again cannot help before something changes
 *
 * Guarantees: never two calls for one key at a time; a key enqueued during its call is called once more afterwards; keys are
 * taken in the order of their enqueueing; at most `workers` calls at once. Nothing says which event or how many led to a
 * call, so a reconciler must get everything it needs from the state. After the lifetime ended no call begins, `signal` is
 * aborted, and closing waits for the calls in flight.
 */

import { InvariantError } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import { WorkQueue } from './workqueue.ts'

export type Outcome = { readonly afterMs?: number }

export const done: Outcome = Object.freeze({})

export function after(ms: number): Outcome {
  return { afterMs: ms }
}

/** A failure that trying again cannot mend. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<Outcome>

export interface ControllerOptions {
  readonly name: string
  readonly clock: Clock
  readonly lifetime: Lifetime
  readonly reconcile: Reconcile
  /** Calls at once; 5 by default, as in kube-controller-manager. */
  readonly workers?: number
  /** Told of every throw of `reconcile`; `willRetry` is false after a TerminalError. */
  readonly failed?: (failure: { controller: string; key: string; error: unknown; willRetry: boolean }) => void
}

const WORKERS = 5

export class Controller {
  private readonly options: ControllerOptions
  private readonly queue: WorkQueue
  private readonly calls = new Set<Promise<void>>()
  private started = false
  private pumping = false

  /** Does nothing before `start`; keys enqueued earlier wait. */
  constructor(options: ControllerOptions) {
    this.options = options
    this.queue = new WorkQueue(options.clock)
    this.queue.available = () => this.pump()
    options.lifetime.add(`controller ${options.name}`, async () => {
      this.queue.close()
      await Promise.all(this.calls)
    })
  }

  /** Starts working when all that is `awaited` has resolved, usually the informers' first lists; resolves then. */
  async start(...awaited: readonly Promise<unknown>[]): Promise<void> {
    await Promise.all(awaited)
    this.started = true
    this.pump()
  }

  enqueue(key: string): void {
    this.queue.add(key)
  }

  enqueueAfter(key: string, ms: number): void {
    this.queue.addAfter(key, ms)
  }

  get idle(): boolean {
    return this.queue.idle
  }

  /** Begins calls in a microtask, so that what happens in one go (a list, a burst of events) is one state for the reconciler. */
  private pump(): void {
    if (!this.started || this.pumping) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      const workers = this.options.workers ?? WORKERS
      while (this.calls.size < workers && !this.options.lifetime.closed) {
        const key = this.queue.take()
        if (key === undefined) return
        const call: Promise<void> = this.work(key).finally(() => {
          this.calls.delete(call)
          this.pump()
        })
        this.calls.add(call)
      }
    })
  }

  private async work(key: string): Promise<void> {
    const { reconcile, lifetime } = this.options
    try {
      const outcome = await reconcile(key, lifetime.signal)
      this.queue.forget(key)
      if (outcome.afterMs !== undefined) this.queue.addAfter(key, outcome.afterMs)
    } catch (error) {
      this.fail(key, error)
    } finally {
      this.queue.done(key)
    }
  }

  private fail(key: string, error: unknown): void {
    if (error instanceof InvariantError) {
      queueMicrotask(() => {
        throw error
      })
    }
    if (this.options.lifetime.closed) return
    const willRetry = !(error instanceof TerminalError)
    this.options.failed?.({ controller: this.options.name, key, error, willRetry })
    if (willRetry) this.queue.addRateLimited(key)
    else this.queue.forget(key)
  }
}
