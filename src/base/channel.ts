import { BoundedQueue } from './bounded-queue.ts'

/**
 * A bounded queue that one reader awaits: `for await (const value of channel)`. Ends when closed and drained; a reader that
 * stops early closes it.
 */
export class Channel<T> implements AsyncIterable<T> {
  private readonly queue: BoundedQueue<T>
  private closed = false
  private wake: (() => void) | undefined

  constructor(max: number) {
    this.queue = new BoundedQueue(max)
  }

  /** False when it is full or closed: the value is not kept. */
  push(value: T): boolean {
    if (this.closed || !this.queue.push(value)) return false
    this.wake?.()
    return true
  }

  /** What is in it is still delivered. Idempotent. */
  close(): void {
    this.closed = true
    this.wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        for (let value = this.queue.take(); value !== undefined; value = this.queue.take()) yield value
        if (this.closed) return
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
        this.wake = undefined
      }
    } finally {
      this.close()
    }
  }
}
