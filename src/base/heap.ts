/** A binary heap: the smallest value by `compare` first. Equal values come out in no particular order. */
export class Heap<T> {
  private readonly values: T[] = []
  private readonly compare: (a: T, b: T) => number

  constructor(compare: (a: T, b: T) => number) {
    this.compare = compare
  }

  get size(): number {
    return this.values.length
  }

  peek(): T | undefined {
    return this.values[0]
  }

  push(value: T): void {
    const { values } = this
    let at = values.length
    values.push(value)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = values[parent] as T
      if (this.compare(above, value) <= 0) break
      values[at] = above
      at = parent
    }
    values[at] = value
  }

  pop(): T | undefined {
    const { values } = this
    const top = values[0]
    const last = values.pop() as T
    if (values.length > 0) this.sink(last)
    return top
  }

  /** Puts `value` at the top and lets it sink to its place. */
  private sink(value: T): void {
    const { values, compare } = this
    const half = values.length >>> 1
    let at = 0
    while (at < half) {
      let child = 2 * at + 1
      const right = child + 1
      if (right < values.length && compare(values[right] as T, values[child] as T) < 0) child = right
      if (compare(values[child] as T, value) >= 0) break
      values[at] = values[child] as T
      at = child
    }
    values[at] = value
  }
}
