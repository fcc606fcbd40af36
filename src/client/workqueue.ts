/**
 * Keys waiting to be worked on. A key is in the queue at most once; a key added while it is being worked on is handed out
 * again after `done`, never to two workers at the same time. Rules with numbers: SPEC.md [WQ*].
 */
import type { Clock, Timer } from '../base/clock.ts'

/** Back-off of a key that failed: 5 ms, 10, 20, ... up to 1000 s. */
const RETRY_BASE_MS = 5
const RETRY_MAX_MS = 1_000_000

export class WorkQueue {
  private readonly clock: Clock
  /** Called when a key may have become takeable. Set by the one consumer. */
  available: () => void = () => {}
  private readonly waiting = new Set<string>()
  private readonly processing = new Set<string>()
  /** Keys added while processing. */
  private readonly again = new Set<string>()
  private readonly timers = new Map<string, { due: number; timer: Timer }>()
  private readonly failures = new Map<string, number>()
  private closed = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  get size(): number {
    return this.waiting.size
  }

  /** Nothing waiting, in work or due later. */
  get idle(): boolean {
    return this.waiting.size === 0 && this.processing.size === 0 && this.timers.size === 0
  }

  add(key: string): void {
    if (this.closed) return
    if (this.processing.has(key)) {
      this.again.add(key)
      return
    }
    if (this.waiting.has(key)) return
    this.waiting.add(key)
    this.available()
  }

  /** Adds the key in `delayMs`. Of several delays for one key the earliest holds. */
  addAfter(key: string, delayMs: number): void {
    if (this.closed) return
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const due = this.clock.monotonic() + delayMs
    const pending = this.timers.get(key)
    if (pending) {
      if (pending.due <= due) return
      pending.timer.cancel()
    }
    const timer = this.clock.setTimer(delayMs, () => {
      this.timers.delete(key)
      this.add(key)
    })
    this.timers.set(key, { due, timer })
  }

  /** Adds the key after its back-off, which doubles each time until `forget`. */
  addRateLimited(key: string): void {
    const failures = this.failures.get(key) ?? 0
    this.failures.set(key, failures + 1)
    this.addAfter(key, Math.min(RETRY_BASE_MS * 2 ** failures, RETRY_MAX_MS))
  }

  /** How often the key was added with a back-off since the last `forget`. */
  retries(key: string): number {
    return this.failures.get(key) ?? 0
  }

  forget(key: string): void {
    this.failures.delete(key)
  }

  /** The key that waits longest, now in work; undefined when none waits. */
  take(): string | undefined {
    const next = this.waiting.values().next()
    if (next.done) return undefined
    this.waiting.delete(next.value)
    this.processing.add(next.value)
    return next.value
  }

  done(key: string): void {
    this.processing.delete(key)
    if (this.again.delete(key)) this.add(key)
  }

  /** Drops everything; later additions are ignored. */
  close(): void {
    this.closed = true
    for (const { timer } of this.timers.values()) timer.cancel()
    this.timers.clear()
    this.waiting.clear()
    this.again.clear()
  }
}
