/** The volumes of one pod as its worker sees them: a state for the plan, jobs that change it, and what is said of them aloud. */
import type { Pod } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import type { DownwardFacts } from './downward.ts'
import type { Announce } from './images.ts'
import { RETRY_MS } from './persist.ts'
import type { VolumesView } from './pod-view.ts'
import type { PodVolumes } from './volumes.ts'

export interface MountingSeams {
  readonly volumes: PodVolumes
  readonly clock: Clock
  /** A pod deleted this soon after it was seen never starts, in ms. */
  readonly settleMs: number
  readonly signal: AbortSignal
  pod(): Pod
  facts(): DownwardFacts
  /** Of a pod that is to end nobody wants to know what it lacks. */
  isEnding(): boolean
  readonly announce: Announce
  /** Runs beside the worker's step; its end is the next step. */
  job(what: string, run: () => Promise<void>): void
}

export class Mounting {
  view: VolumesView = { state: 'none' }
  private readonly seams: MountingSeams
  private refreshing: Promise<void> | undefined
  private isStale = false

  constructor(seams: MountingSeams) {
    this.seams = seams
  }

  /** Makes the volumes before the first container. */
  begin(): void {
    const { volumes, clock, settleMs, signal, pod, facts } = this.seams
    this.view = { state: 'mounting' }
    this.seams.job('volumes', async () => {
      try {
        const settled = settleMs > 0 ? sleep(clock, settleMs, signal) : undefined
        const failure = await volumes.setUp(pod(), facts())
        await settled
        this.say(failure?.messages ?? [])
        this.view = failure ? { state: 'failed', retryAtMs: clock.now() + failure.retryMs } : { state: 'ready' }
      } catch (error) {
        this.say([(error as Error).message])
        this.view = { state: 'failed', retryAtMs: clock.now() + RETRY_MS }
      }
    })
  }

  /** Brings what has changed into the volumes of a running pod; a change that comes meanwhile is not missed. */
  refresh(): Promise<void> {
    this.isStale = true
    this.refreshing ??= this.refreshAll().finally(() => {
      this.refreshing = undefined
    })
    return this.refreshing
  }

  private async refreshAll(): Promise<void> {
    const { volumes, pod, facts, isEnding } = this.seams
    while (this.isStale && this.view.state === 'ready' && !isEnding()) {
      this.isStale = false
      try {
        this.say(await volumes.refresh(pod(), facts()))
      } catch (error) {
        this.say([(error as Error).message])
      }
    }
  }

  private say(messages: readonly string[]): void {
    if (this.seams.isEnding()) return
    for (const message of messages) this.seams.announce('Warning', 'FailedMount', message)
  }
}
