import type { Random } from '../base/random.ts'

/** Exponential back-off with jitter: `next()` doubles from `baseMs` to `maxMs` and adds up to half; `reset()` starts again. */
export class Backoff {
  private readonly random: Random
  private readonly baseMs: number
  private readonly maxMs: number
  private attempt = 0

  constructor(random: Random, limits: { readonly baseMs: number; readonly maxMs: number }) {
    this.random = random
    this.baseMs = limits.baseMs
    this.maxMs = limits.maxMs
  }

  next(): number {
    const delay = Math.min(this.baseMs * 2 ** this.attempt, this.maxMs)
    this.attempt++
    return delay * (1 + this.random.ratio() / 2)
  }

  reset(): void {
    this.attempt = 0
  }
}
