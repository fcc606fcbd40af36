/**
 * Pods that wait for a node. Active ones are taken by priority, then by age in the queue. A pod that fitted nowhere is parked
 * until a node says something else to it; one that could not be bound is tried again after a back-off.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Refusals } from './cycle.ts'

/** Back-off after a pod could not be bound: doubles with each attempt. */
const BACKOFF_BASE_MS = 100
const BACKOFF_MAX_MS = 10_000
/** A parked pod is tried again after this time whatever happens. */
const PARKED_MAX_MS = 300_000

interface Entry {
  readonly key: string
  readonly priority: number
  readonly sequence: number
  failures: number
  /** What it was told when it was parked; undefined: it is not. */
  parked: Refusals | undefined
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
    const entry = { key, priority, sequence, failures: known?.failures ?? 0, parked: undefined, timer: undefined }
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

  /** The pod fitted nowhere, and why. */
  park(key: string, refusals: Refusals): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.drop(entry)
    entry.parked = refusals
    entry.timer = this.clock.setTimer(PARKED_MAX_MS, () => this.activate(entry))
  }

  /** The pod could not be bound. */
  retry(key: string): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.drop(entry)
    const backoff = Math.min(BACKOFF_BASE_MS * 2 ** entry.failures, BACKOFF_MAX_MS)
    entry.failures++
    entry.timer = this.clock.setTimer(backoff, () => this.activate(entry))
  }

  /** Makes those parked pods active for which it is `worth` it. */
  wake(worth: (key: string, refusals: Refusals) => boolean): void {
    for (const entry of this.entries.values()) if (entry.parked && worth(entry.key, entry.parked)) this.activate(entry)
  }

  close(): void {
    for (const entry of this.entries.values()) this.drop(entry)
    this.entries.clear()
  }

  private activate(entry: Entry): void {
    entry.timer?.cancel()
    entry.timer = undefined
    entry.parked = undefined
    this.active.add(entry)
    this.available()
  }

  private drop(entry: Entry): void {
    entry.timer?.cancel()
    entry.timer = undefined
    this.active.delete(entry)
  }
}
