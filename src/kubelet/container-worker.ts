/**
 * One container's part of the worker: carries out its starts and its end, runs its hooks and probes, and notes what becomes of
 * it. Every method begins at once and returns; what takes time is a job of the pod's worker.
 */
import type { EbbTracer } from '../api/trace-steps.ts'
import type { ContainerStatus as ApiContainerStatus, Pod } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { EventRecorder } from '../client/events.ts'
import { announcer, killingMessage, longName } from './announce.ts'
import { type ContainerRecord, runOf } from './container-record.ts'
import { logPathOf, StartFailed, type StartSeams, startContainer } from './container-start.ts'
import { hookFailure, runHook } from './hooks.ts'
import { StartHalted } from './images.ts'
import type { Action } from './plan.ts'
import { type ContainerView, lives, type Run, restarts, restartsOnFailure, type Waiting } from './pod-view.ts'
import type { Prober } from './prober.ts'
import { ContainerProbes } from './probes.ts'
import type { ContainerStatus, Runtime, SandboxStatus } from './runtime.ts'

/** After a start that failed for no reason of the pod's, in ms. */
const CREATE_RETRY_MS = 1_000

/** What a container's worker needs of its pod's. */
export interface ContainerSeams {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly recorder: EventRecorder
  readonly trace: EbbTracer
  readonly prober: Prober
  /** As the trace names the pod. */
  readonly object: string
  pod(): Pod
  /** The whole pod is to end. */
  isEnding(): boolean
  podIP(): string
  startSeams(): Omit<StartSeams, 'announce'>
  /** Runs beside the step; its end is a change. */
  job(what: string, run: () => Promise<void>): void
  /** Again until it succeeds. */
  persist(what: string, run: () => Promise<unknown>): Promise<void>
  /** The end of a log file below the pod's logs. */
  lastLines(logPath: string): Promise<string>
  /** A probe has changed what the container is thought to be. */
  probed(container: ContainerView): void
  /** Shows the present state to the API before the next step changes it. */
  publish(): void
}

export class ContainerWorker {
  readonly record: ContainerRecord
  /** Containers made for it that were not removed yet. */
  readonly ids = new Set<string>()
  private readonly seams: ContainerSeams
  private probes: ContainerProbes | undefined
  private hooks = new AbortController()
  /** What became of the last postStart that failed. */
  private hookError = ''

  constructor(record: ContainerRecord, seams: ContainerSeams) {
    this.record = record
    this.seams = seams
  }

  /** Takes over what the runtime has of it; the newest life last. */
  adopt(containers: readonly ContainerStatus[], status: Partial<ApiContainerStatus> = {}): void {
    for (const container of containers) {
      this.ids.add(container.id)
      const run = runOf(container)
      if (run) this.record.runs(run)
    }
    if (!lives(this.record)) return
    this.record.started = status.started ?? false
    this.record.ready = status.ready ?? false
    // The object may have been resized meanwhile; the status says what the container has.
    if (status.resources) this.record.allocated = status.resources
  }

  // ---- its end

  beginEnd(action: Extract<Action, { do: 'begin-end' }>): void {
    const { record, seams } = this
    record.endBegins(seams.clock.now(), action.graceMs)
    this.announce('Normal', 'Killing', killingMessage(record.name, action.why, restartsOnFailure(record, seams.pod())))
    this.probes?.endBegins()
  }

  preStop(): void {
    const { record, seams } = this
    const handler = record.spec.lifecycle?.preStop
    if (!handler) return
    record.hook('running')
    seams.trace.emit('prestop-started', seams.object, { detail: { container: record.name } })
    seams.job('preStop', async () => {
      const ok = (await this.hook(handler)) === undefined
      seams.trace.emit('prestop-ended', seams.object, { detail: { container: record.name, ok } })
      if (!ok) this.announce('Warning', 'FailedPreStopHook', 'PreStopHook failed')
      record.hook('done')
    })
  }

  /** The signal goes out before this returns. */
  stop(graceMs: number): void {
    const { record, seams } = this
    const id = record.run?.id
    if (id === undefined) return
    let first: Promise<void> | undefined = seams.runtime.stopContainer(id, graceMs)
    record.endBegins(seams.clock.now(), graceMs)
    record.signalled()
    seams.job('stop', async () => {
      await seams.persist('stop', () => {
        const attempt = first ?? seams.runtime.stopContainer(id, graceMs)
        first = undefined
        return attempt
      })
      // The event of its exit usually came before; if it was lost, this is where its end is noticed.
      if (record.run?.id === id && lives(record)) await this.exited(await this.statusAfterStop(id))
    })
  }

  /** What the runtime says; a container that it no longer knows has ended. */
  private async statusAfterStop(id: string): Promise<ContainerStatus> {
    const { runtime, clock } = this.seams
    const known = await runtime.containerStatus(id).catch(() => undefined)
    if (known && known.state !== 'running') return known
    const { attempt, image, imageId, sandboxId = '' } = this.record.run as Run
    const base = { id, sandboxId, name: this.record.name, attempt, image, imageId, annotations: {} }
    return { ...base, state: 'unknown', createdAtMs: 0, finishedAtMs: clock.now(), exitCode: 137 }
  }

  /** Resolves with undefined when it went well, else with what failed. */
  private hook(handler: Parameters<typeof runHook>[0]): Promise<string | undefined> {
    const { runtime, prober, clock } = this.seams
    const { spec, run } = this.record
    if (run?.id === undefined) return Promise.resolve('there is no container')
    const context = { runtime, prober, clock, container: spec, id: run.id, podIP: this.seams.podIP() }
    return runHook(handler, { ...context, signal: this.hooks.signal }).then(
      () => undefined,
      (error) => hookFailure(handler, spec.name, longName(this.seams.pod()), error),
    )
  }

  podEnded(): void {
    this.probes?.podEnded()
    this.giveUpHooks()
  }

  giveUpHooks(): void {
    this.hooks.abort()
  }

  // ---- its lives

  runs(status: ContainerStatus): void {
    const { record, seams } = this
    this.ids.add(status.id)
    if (record.run && record.run.attempt >= status.attempt) return
    const run = runOf(status)
    if (!run) return
    this.forget(record.runs(run))
    this.hooks = new AbortController()
    seams.trace.emit('container-started', seams.object, {
      detail: { container: record.name, ...(status.pid === undefined ? {} : { pid: status.pid }) },
    })
  }

  async exited(status: ContainerStatus): Promise<void> {
    this.ids.add(status.id)
    const message = await this.lastWords(status)
    const { run } = this.record
    if (run && (run.attempt > status.attempt || (run.attempt === status.attempt && run.state === 'exited'))) return
    const ended = runOf(status, message)
    if (ended) this.ends(ended)
  }

  private async lastWords({ id, attempt, exitCode }: ContainerStatus): Promise<string> {
    const { runtime, lastLines } = this.seams
    const words = await runtime.terminationMessage(id).catch(() => '')
    const isFallback = this.record.spec.terminationMessagePolicy === 'FallbackToLogsOnError'
    if (words !== '' || !isFallback || exitCode === 0) return words
    return lastLines(logPathOf(this.record.name, attempt)).catch(() => '')
  }

  /** `failure`: why the life did not really begin. It is shown until the next one does. */
  private ends(run: Run, failure = this.postStartFailure()): void {
    // In a pod that is ending the readiness probe goes on, also of what has ended.
    if (!this.seams.isEnding()) this.probes?.stop()
    if (this.record.end?.signalled) this.hooks.abort()
    this.forget(this.record.exits(run))
    if (failure && restarts(this.record, this.seams.pod())) this.record.waiting = failure
    // Kubernetes shows the end of a life before the next one begins.
    this.seams.publish()
  }

  private postStartFailure(): Waiting | undefined {
    if (this.record.unhealthy !== 'post-start') return undefined
    return { reason: 'PostStartHookError', message: this.hookError }
  }

  /** Of each container the last two lives are kept. */
  private forget(run: Run | undefined): void {
    if (run?.id === undefined) return
    const { id } = run
    this.ids.delete(id)
    this.seams.job('removal', () => this.seams.runtime.removeContainer(id))
  }

  start(sandbox: SandboxStatus, attempt: number): void {
    const { record, seams } = this
    record.startBegins(seams.clock.now())
    const startSeams: StartSeams = { ...seams.startSeams(), announce: this.announce }
    seams.job('start', async () => {
      try {
        const request = { pod: seams.pod(), container: record.spec, sandbox, attempt }
        const id = await startContainer(request, startSeams)
        if (id !== undefined) await this.afterStart(id)
      } catch (error) {
        this.startFailed(attempt, error)
      } finally {
        record.startEnds()
      }
    })
  }

  /** It runs; then postStart, then probes. */
  private async afterStart(id: string): Promise<void> {
    const { record, seams } = this
    if (record.run?.id !== id) {
      // The event may come later than the answer.
      const status = await seams.runtime.containerStatus(id)
      if (status.state === 'running') this.runs(status)
      else await this.exited(status)
    }
    const isAlive = () => lives(record) && record.run?.id === id
    const handler = record.spec.lifecycle?.postStart
    const failure = handler && isAlive() ? await this.hook(handler) : undefined
    if (failure !== undefined && record.run?.id === id && (isAlive() || !seams.isEnding())) {
      this.postStartFailed(failure)
      return
    }
    record.startEnds()
    if (isAlive()) this.startProbes()
  }

  /** Also of a program that has ended meanwhile, and taken its hook along. */
  private postStartFailed(failure: string): void {
    const { record, seams } = this
    this.announce('Warning', 'FailedPostStartHook', 'PostStartHook failed')
    this.hookError = failure
    record.unhealthy = 'post-start'
    if (lives(record)) return
    this.announce('Normal', 'Killing', killingMessage(record.name, 'post-start', false))
    if (restarts(record, seams.pod())) record.waiting = this.postStartFailure()
    seams.publish()
  }

  private startFailed(attempt: number, error: unknown): void {
    const { record, seams } = this
    if (error instanceof StartHalted) {
      record.waiting = error.waiting
      return
    }
    const { message } = error as Error
    const nowMs = seams.clock.now()
    if (!(error instanceof StartFailed)) {
      record.waiting = { reason: 'CreateContainerError', message, untilMs: nowMs + CREATE_RETRY_MS }
      this.announce('Warning', 'Failed', `Error: ${message}`)
      return
    }
    this.ids.add(error.id)
    const what = { attempt, id: error.id, image: record.spec.image ?? '', imageId: '' }
    const when = { startedAtMs: 0, finishedAtMs: nowMs }
    const ended = { ...what, ...when, state: 'exited', exitCode: 128, reason: 'StartError', message } as const
    this.ends(ended, { reason: 'RunContainerError', message })
  }

  /** Also for a container found running after a restart of the kubelet. */
  startProbes(): void {
    const { record, seams } = this
    const { run } = record
    if (run?.id === undefined) return
    const target = { container: record.spec, id: run.id, podIP: seams.podIP() }
    this.probes?.stop()
    // What follows at once from having no probes is one change.
    let beginning = true
    this.probes = new ContainerProbes(
      { ...target, startedAtMs: run.startedAtMs ?? seams.clock.now() },
      {
        ...seams,
        unhealthy: (message) => this.announce('Warning', 'Unhealthy', message),
        result: (type, ok) => {
          if (record.run?.attempt !== run.attempt) return
          if (type === 'readiness') record.ready = ok
          else if (!ok) record.unhealthy = type
          else if (type === 'startup') record.started = true
          if (!beginning) seams.probed(record)
        },
      },
    )
    this.probes.start()
    if (record.end) this.probes.endBegins()
    beginning = false
    seams.probed(record)
  }

  backOff(delayMs: number, untilMs: number): void {
    const { name } = this.record
    const pod = longName(this.seams.pod())
    const message = `back-off ${goDuration(delayMs)} restarting failed container=${name} pod=${pod}`
    this.record.waiting = { reason: 'CrashLoopBackOff', message, untilMs }
    this.announce('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${pod}`)
  }

  readonly announce = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    announcer(this.seams.recorder, this.seams.pod(), this.record)(type, reason, message)
}

/** 10s, 1m20s, 5m0s: as Go prints whole seconds. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
