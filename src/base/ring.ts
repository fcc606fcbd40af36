/**
 * The last `capacity` values pushed. A full ring gives up its oldest value for each new one and hands it back, so that the
 * owner can note what is no longer kept. Memory grows with use, up to the capacity.
 */
export class Ring<T> {
  readonly capacity: number
  private slots: T[] = []
  /** Where the oldest value lies, once the ring has wrapped. */
  private start = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get length(): number {
    return this.slots.length
  }

  /** Returns the value that had to go, or undefined. */
  push(value: T): T | undefined {
    if (this.slots.length < this.capacity) {
      this.slots.push(value)
      return undefined
    }
    const evicted = this.slots[this.start]
    this.slots[this.start] = value
    this.start = (this.start + 1) % this.capacity
    return evicted
  }

  /** 0 is the oldest, length - 1 the newest. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.slots.length) return undefined
    return this.slots[(this.start + index) % this.slots.length]
  }

  newest(): T | undefined {
    return this.at(this.slots.length - 1)
  }

  /**
   * Index of the first value for which `after` holds, `length` when there is none. The values must be ordered: all for which
   * it does not hold first (binary search).
   */
  firstWhere(after: (value: T) => boolean): number {
    let low = 0
    let high = this.slots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (after(this.at(middle) as T)) high = middle
      else low = middle + 1
    }
    return low
  }

  clear(): void {
    this.slots = []
    this.start = 0
  }
}
