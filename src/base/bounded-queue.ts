/** First in, first out, with a limit: a full queue refuses, and its owner says what that means for the sender. */
export class BoundedQueue<T> {
  readonly max: number
  private values: T[] = []
  /** Values before this index were taken; they are cut off in blocks, so that taking stays O(1). */
  private taken = 0

  constructor(max: number) {
    this.max = max
  }

  get size(): number {
    return this.values.length - this.taken
  }

  get full(): boolean {
    return this.size >= this.max
  }

  /** False, and nothing is kept, when the queue is full. */
  push(value: T): boolean {
    if (this.full) return false
    this.values.push(value)
    return true
  }

  take(): T | undefined {
    if (this.size === 0) return undefined
    const value = this.values[this.taken] as T
    this.values[this.taken] = undefined as T
    this.taken++
    if (this.taken === this.values.length) this.clear()
    else if (this.taken >= 1024 && this.taken * 2 >= this.values.length) {
      this.values = this.values.slice(this.taken)
      this.taken = 0
    }
    return value
  }

  clear(): void {
    this.values = []
    this.taken = 0
  }
}
