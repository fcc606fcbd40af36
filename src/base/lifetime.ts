/**
 * What must be undone, in reverse order of its doing. Whoever starts something adds its end here; whoever owns the
 * lifetime closes it once. A child lifetime closes with its parent, or earlier by itself.
 *
 *   const life = new Lifetime('node')
 *   life.add('socket', () => server.close())
 *   life.child('pod-worker').signal   // AbortSignal for loops and requests
 *   await life.close()                // children and additions, last first; all run even when one throws
 */
export class Lifetime {
  readonly name: string
  private readonly abort = new AbortController()
  private readonly ends: { name: string; end: () => unknown }[] = []
  private closing: Promise<void> | undefined

  constructor(name: string) {
    this.name = name
  }

  get signal(): AbortSignal {
    return this.abort.signal
  }

  get closed(): boolean {
    return this.closing !== undefined
  }

  /** Registers `end`. On a closed lifetime it runs at once. Returns a function that takes the registration back. */
  add(name: string, end: () => unknown): () => void {
    if (this.closing) {
      void Promise.resolve().then(end)
      return () => {}
    }
    const entry = { name, end }
    this.ends.push(entry)
    return () => {
      const at = this.ends.indexOf(entry)
      if (at >= 0) this.ends.splice(at, 1)
    }
  }

  child(name: string): Lifetime {
    const child = new Lifetime(name)
    const forget = this.add(name, () => child.close())
    child.add('forget', forget)
    return child
  }

  /** Idempotent. Rejects with an AggregateError of what the ends threw, after all of them ran. */
  close(): Promise<void> {
    this.closing ??= this.closeAll()
    return this.closing
  }

  private async closeAll(): Promise<void> {
    this.abort.abort()
    const errors: unknown[] = []
    for (let entry = this.ends.pop(); entry; entry = this.ends.pop()) {
      try {
        await entry.end()
      } catch (error) {
        errors.push(new Error(`closing ${this.name}: ${entry.name}`, { cause: error }))
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `closing ${this.name}`)
  }
}
