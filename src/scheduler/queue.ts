/**
 * Pods that wait for a node. Active ones are taken by priority, then by age in the queue. A pod that fitted nowhere is parked
 * until something changes that could make room for it, and then for the rest of its back-off.
 */
import type { Clock, Timer } from '../base/clock.ts'

/** Back-off after a pod fitted nowhere: doubles with each attempt. */
const BACKOFF_BASE_MS = 100
const BACKOFF_MAX_MS = 10_000
/** A parked pod is tried again after this time whatever happens. */
const PARKED_MAX_MS = 300_000

interface Entry {
  readonly key: string
  readonly priority: number
  readonly sequence: number
  attempts: number
  /** Monotonic ms; undefined: not parked. */
  retryAt: number | undefined
  timer: Timer | undefined
}

export class SchedulingQueue {
  private readonly clock: Clock
  /** Called when a pod may have become active. */
  available: () => void = () => {}
  private readonly entries = new Map<string, Entry>()
  private readonly active = new Set<Entry>()
  private sequence = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  get size(): number {
    return this.entries.size
  }

  /** Adds a pod, or makes a parked one active because it changed. */
  add(key: string, priority: number): void {
    const known = this.entries.get(key)
    const sequence = known?.sequence ?? this.sequence++
    if (known) this.drop(known)
    const entry = { key, priority, sequence, attempts: known?.attempts ?? 0, retryAt: undefined, timer: undefined }
    this.entries.set(key, entry)
    this.activate(entry)
  }

  remove(key: string): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.drop(entry)
    this.entries.delete(key)
  }

  /** The next active pod; it stays known until `remove` or `park`. */
  take(): string | undefined {
    let first: Entry | undefined
    for (const entry of this.active)
      if (
        !first ||
        entry.priority > first.priority ||
        (entry.priority === first.priority && entry.sequence < first.sequence)
      )
        first = entry
    if (!first) return undefined
    this.active.delete(first)
    return first.key
  }

  /** The pod fitted nowhere, or could not be bound. `retry`: it is tried after its back-off even if nothing changes. */
  park(key: string, retry: 'on-change' | 'after-backoff'): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.drop(entry)
    const backoff = Math.min(BACKOFF_BASE_MS * 2 ** entry.attempts, BACKOFF_MAX_MS)
    entry.attempts++
    entry.retryAt = this.clock.monotonic() + backoff
    this.wakeIn(entry, retry === 'after-backoff' ? backoff : PARKED_MAX_MS)
  }

  /** Something changed that may make room: parked pods become active when their back-off is over. */
  wakeParked(): void {
    const now = this.clock.monotonic()
    for (const entry of this.entries.values())
      if (entry.retryAt !== undefined) this.wakeIn(entry, Math.max(0, entry.retryAt - now))
  }

  close(): void {
    for (const entry of this.entries.values()) this.drop(entry)
    this.entries.clear()
  }

  private wakeIn(entry: Entry, ms: number): void {
    entry.timer?.cancel()
    if (ms === 0) {
      this.activate(entry)
      return
    }
    entry.timer = this.clock.setTimer(ms, () => this.activate(entry))
  }

  private activate(entry: Entry): void {
    entry.timer?.cancel()
    entry.timer = undefined
    entry.retryAt = undefined
    this.active.add(entry)
    this.available()
  }

  private drop(entry: Entry): void {
    entry.timer?.cancel()
    entry.timer = undefined
    this.active.delete(entry)
  }
}
