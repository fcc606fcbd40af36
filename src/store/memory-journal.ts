import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import type { Journal, JournalBatch, JournalRecord } from './journal.ts'

export interface MemoryJournalOptions {
  /**
   * True: batches are kept, and a second store opened on this journal sees them (a simulated restart). Default false:
   * nothing is kept and nothing needs to be encoded.
   */
  readonly retain?: boolean
  /** How long a flush takes, in ms of the clock. */
  readonly delay?: { readonly clock: Clock; ms(): number }
  /** Called before each commit takes effect; what it throws is the journal's failure. */
  readonly fault?: (batch: JournalBatch) => void
}

/** Keeps nothing on disk. For `--ephemeral`, for tests, and, slow or failing on demand, for the simulation. */
export class MemoryJournal implements Journal {
  readonly volatile: boolean
  private readonly options: MemoryJournalOptions
  private readonly live = new Map<string, JournalRecord>()
  private revision = 0
  /** Batches become durable in order, also when a later one has the shorter delay. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(options: MemoryJournalOptions = {}) {
    this.options = options
    this.volatile = !options.retain
  }

  async load(): Promise<{ revision: number; records: Iterable<JournalRecord> }> {
    return { revision: this.revision, records: [...this.live.values()] }
  }

  commit(batch: JournalBatch): Promise<void> {
    const done = this.last.then(() => this.apply(batch))
    this.last = done.catch(() => {})
    return done
  }

  async close(): Promise<void> {
    await this.last
  }

  private async apply(batch: JournalBatch): Promise<void> {
    const { delay, fault } = this.options
    if (delay) await sleep(delay.clock, delay.ms())
    fault?.(batch)
    if (this.volatile) return
    for (const record of batch.records) {
      if (record.value === undefined) this.live.delete(record.key)
      else this.live.set(record.key, record)
    }
    this.revision = batch.revision
  }
}
