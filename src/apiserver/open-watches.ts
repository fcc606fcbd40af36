/** All open watches, so that a closing server can end them: each gets its end once. */
export class OpenWatches {
  private readonly ends = new Set<() => void>()
  closed = false

  get size(): number {
    return this.ends.size
  }

  /** Registers a watch; returns the function that takes it off. Not on a closed server. */
  add(end: () => void): () => void {
    this.ends.add(end)
    return () => {
      this.ends.delete(end)
    }
  }

  close(): void {
    this.closed = true
    for (const end of [...this.ends]) end()
    this.ends.clear()
  }
}
