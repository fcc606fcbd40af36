/**
 * One pod's worker: builds the view, asks the plan, carries out what it says, and does so again after every change. The step is
 * synchronous: from the watch event that shows a deletion to the runtime's stop there is no await and no request. Whatever
 * takes time (sandbox, start, hook, stop, requests) is a job beside it, and its end is the next change.
 */

import { isConditionTrue } from '../api/conditions.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { parseTime } from '../api/time.ts'
import type { EbbTracer } from '../api/trace-steps.ts'
import type { Container, Pod, PodStatus } from '../api/types/core-v1.gen.ts'
import { unreachable } from '../base/assert.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { EventRecorder } from '../client/events.ts'
import { pods } from '../client/resources.ts'
import { admissionRefusal, receptionWarning } from './admission.ts'
import { announcer } from './announce.ts'
import { clockSettings, retriedLater } from './clock-set.ts'
import { ContainerRecord, lostRun } from './container-record.ts'
import { type ContainerSeams, ContainerWorker } from './container-worker.ts'
import { type DownwardFacts, isToldAlike } from './downward.ts'
import { Images } from './images.ts'
import { Mounting } from './mounting.ts'
import { persist, RETRY_MS } from './persist.ts'
import { type Action, endReason, plan } from './plan.ts'
import { DEADLINE_MESSAGE, type NodeFacts, podStatus } from './pod-status.ts'
import {
  type ContainerView,
  isInPass,
  kindOf,
  lives,
  type PodView,
  type Rejection,
  type SandboxView,
} from './pod-view.ts'
import type { Prober } from './prober.ts'
import type { ContainerStatus, Runtime, RuntimeEvent, SandboxConfig, SandboxStatus } from './runtime.ts'
import type { Sources } from './sources.ts'
import { StatusWriter } from './status-writer.ts'
import type { PodVolumes } from './volumes.ts'

export interface WorkerSeams {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly client: ApiClient
  readonly recorder: EventRecorder
  readonly trace: EbbTracer
  readonly prober: Prober
  readonly sources: Sources
  readonly volumes: PodVolumes
  readonly node: NodeFacts & Pick<DownwardFacts, 'allocatable'>
  /** What the sandbox is made from, but for its attempt. */
  sandboxConfig(pod: Pod): Omit<SandboxConfig, 'attempt'>
  /** Events of this sandbox's containers are for this worker. */
  sandboxMade(sandbox: SandboxStatus): void
  /** A pod deleted this soon after it was seen never starts, in ms. */
  readonly settleMs: number
  /** Aborts when the kubelet ends; pods live on. */
  readonly signal: AbortSignal
  /** Failures that are tried again. */
  failed(what: string, error: unknown): void
  /** Nothing is left of the pod. */
  done(): void
}

/** What the runtime already has of a pod when its worker begins. */
export interface Adopted {
  readonly sandbox?: SandboxStatus
  readonly containers: readonly ContainerStatus[]
}

export class PodWorker {
  readonly uid: string
  private readonly seams: WorkerSeams
  private readonly object: string
  private readonly workers: readonly ContainerWorker[]
  private readonly startedAtMs: number
  private readonly images: Images
  private readonly writer: StatusWriter
  private readonly startAbort = new AbortController()
  private pod: Pod
  private removed = false
  /** undefined: this node takes the pod. */
  private readonly rejected: Rejection | undefined
  private shutdown: (() => void) | undefined
  private sandbox: SandboxView = { state: 'none' }
  private sandboxStatus: SandboxStatus | undefined
  readonly mounting: Mounting
  private terminalStatus: PodView['terminalStatus'] = 'none'
  private finalDelete: PodView['finalDelete'] = 'none'
  private cleanUp: PodView['cleanUp'] = 'none'
  private passing = false
  private overdue = false
  private lastStatus: PodStatus | undefined
  private wasReady = false
  /** What the API shows of containers while the pod ends: as they were when the end began, but for their readiness. */
  private shown: readonly ContainerView[] | undefined
  /** Something that is shown also while the pod ends has changed: the object itself, or a probe's result. */
  private hasNews = true
  private timer: Timer | undefined
  private stepping = false
  private stepAgain = false
  private readonly clockSetBy: () => number

  constructor(pod: Pod, seams: WorkerSeams, adopted: Adopted = { containers: [] }) {
    this.pod = pod
    this.seams = seams
    const { uid = '', name = '', namespace = '' } = pod.metadata
    const { clock, client, signal } = seams
    this.clockSetBy = clockSettings(clock)
    this.uid = uid
    this.object = `pod ${namespace}/${name}`
    this.startedAtMs = parseTime(pod.status?.startTime ?? '') ?? clock.now()
    this.images = new Images(seams.runtime, clock)
    this.lastStatus = pod.status
    if (isTerminalPhase(pod.status?.phase)) this.terminalStatus = 'written'
    const written = (status: PodStatus) => this.statusWritten(status)
    const failed = (error: unknown) => seams.failed(`status of ${this.object}`, error)
    this.writer = new StatusWriter(
      { namespace, name, uid, status: pod.status },
      { client, clock, signal, written, failed },
    )
    this.mounting = this.makeMounting()
    const container = this.containerSeams()
    const make = (isInit: boolean) => (c: Container) =>
      new ContainerWorker(new ContainerRecord(c, kindOf(c, isInit)), container)
    this.workers = [...(pod.spec.initContainers ?? []).map(make(true)), ...pod.spec.containers.map(make(false))]
    this.rejected = adopted.sandbox || this.terminalStatus !== 'none' ? undefined : admissionRefusal(pod)
    this.adopt(adopted)
  }

  /** The present status, whether written or not. */
  get status(): PodStatus {
    const { clock, node } = this.seams
    return podStatus(this.view(), clock.now(), node, this.lastStatus)
  }

  /** Begins, and goes on by itself. */
  start(): void {
    this.seams.trace.emit('pod-seen', this.object)
    if (this.pod.metadata.deletionTimestamp) this.traceDeletion()
    const warning = receptionWarning(this.view(), this.seams.runtime.unenforced)
    if (warning) announcer(this.seams.recorder, this.pod)('Warning', warning.reason, warning.message)
    for (const worker of this.workers) if (lives(worker.record)) worker.startProbes()
    this.step()
  }

  /** A newer state of the object. */
  update(pod: Pod): void {
    const { deletionTimestamp, generation } = this.pod.metadata
    const isDeletion = pod.metadata.deletionTimestamp !== undefined && deletionTimestamp === undefined
    if (generation !== pod.metadata.generation) this.hasNews = true
    const before = this.pod
    this.pod = pod
    if (!isToldAlike(before, pod)) this.toldAnew()
    for (const spec of [...(pod.spec.initContainers ?? []), ...pod.spec.containers])
      this.workers.find(({ record }) => record.name === spec.name)?.record.respec(spec)
    if (isDeletion) this.traceDeletion()
    this.step()
  }

  /** What containers may be told of their pod has changed: volumes show it, and a start that lacked it is due. */
  private toldAnew(): void {
    void this.mounting.refresh()
    for (const { record } of this.workers)
      if (record.waiting?.reason === 'CreateContainerConfigError') record.waiting = { ...record.waiting, untilMs: 0 }
  }

  /** The object is gone. */
  remove(): void {
    if (this.removed) return
    if (this.pod.metadata.deletionTimestamp === undefined) this.traceDeletion()
    this.removed = true
    this.step()
  }

  /** Ends the containers because the node goes down. Resolves when none is left; the API is not told. */
  shutDown(): Promise<void> {
    return new Promise((resolve) => {
      this.shutdown = resolve
      this.step()
    })
  }

  /** What the runtime has now: ends whose event was lost are noticed here. */
  resync(containers: readonly ContainerStatus[]): void {
    for (const { record } of this.workers) {
      const seen = containers.find((c) => c.id === record.run?.id)
      if (seen && lives(record) && seen.state !== 'running') this.runtimeEvent({ type: 'exited', container: seen })
    }
    this.step()
  }

  /** Something happened to one of its containers. */
  runtimeEvent({ type, container, ...more }: RuntimeEvent): void {
    const worker = this.workers.find((w) => w.record.name === container.name)
    if (!worker) return
    const { trace } = this.seams
    const pid = container.pid === undefined ? {} : { pid: container.pid }
    if (type === 'started') {
      worker.runs(container)
      this.step()
    } else if (type === 'signalled') {
      const { signal, withheld } = more as { signal: string; withheld: boolean }
      const detail = { container: container.name, signal, ...pid, ...(withheld ? { withheld } : {}) }
      trace.emit('signal-sent', this.object, { detail })
    } else {
      const detail = { container: container.name, code: container.exitCode ?? 137 }
      trace.emit('container-exited', this.object, { detail })
      this.job('exit', () => worker.exited(container))
    }
  }

  private adopt({ sandbox, containers }: Adopted): void {
    const { initContainerStatuses = [], containerStatuses = [], podIP } = this.pod.status ?? {}
    const ip = sandbox?.ip ?? podIP
    if (sandbox) {
      this.sandboxStatus = sandbox
      this.sandbox = { state: sandbox.state === 'ready' ? 'ready' : 'lost', ...(ip ? { ip } : {}) }
      this.mounting.view = { state: 'ready' }
    } else if (ip) {
      this.sandbox = { state: 'none', ip }
    }
    for (const worker of this.workers) {
      const { record } = worker
      const status = [...initContainerStatuses, ...containerStatuses].find((s) => s.name === record.name)
      const own = containers.filter((c) => c.name === record.name).sort((a, b) => a.attempt - b.attempt)
      worker.adopt(own, status)
      const lost = lostRun(status, this.seams.clock.now())
      if (!record.run && lost) record.runs(lost)
    }
  }

  // ---- the step

  private view(): PodView {
    const { pod, removed, startedAtMs, mounting, sandbox, passing, terminalStatus, finalDelete, cleanUp } = this
    const containers = this.workers.map(({ record }) => record)
    const foundations = { startedAtMs, volumes: mounting.view, sandbox, containers, passing, overdue: this.overdue }
    const why = { removed, shutdown: this.shutdown !== undefined, ...(this.rejected && { rejected: this.rejected }) }
    return { pod, ...why, ...foundations, terminalStatus, finalDelete, cleanUp }
  }

  private step(): void {
    if (this.seams.signal.aborted) return
    this.stepAgain = true
    if (this.stepping) return
    this.stepping = true
    while (this.stepAgain) {
      this.stepAgain = false
      this.stepOnce()
    }
    this.stepping = false
  }

  private stepOnce(): void {
    const { clock, recorder } = this.seams
    this.followClock()
    const view = this.view()
    const nowMs = clock.now()
    const isOverdue = endReason(view, nowMs) === 'deadline'
    if (isOverdue && !this.overdue) {
      this.overdue = true
      this.hasNews = true
    }
    let wakeAtMs = Number.POSITIVE_INFINITY
    for (const action of plan(view, nowMs)) {
      if (action.do === 'wake') wakeAtMs = Math.min(wakeAtMs, action.atMs)
      else this.apply(action)
      // Kubernetes says so at every step of such a pod's end.
      if (isOverdue && action.do !== 'wake')
        announcer(recorder, this.pod)('Normal', 'DeadlineExceeded', DEADLINE_MESSAGE)
    }
    this.passing = this.workers.some(({ record }) => isInPass(record))
    this.publish()
    if (this.isDown()) this.shutdown?.()
    this.timer?.cancel()
    this.timer = undefined
    if (wakeAtMs < Number.POSITIVE_INFINITY)
      this.timer = clock.setTimer(Math.max(0, wakeAtMs - clock.now()), () => this.step())
  }

  private followClock(): void {
    const byMs = this.clockSetBy()
    this.mounting.view = retriedLater(this.mounting.view, byMs)
    this.sandbox = retriedLater(this.sandbox, byMs)
    for (const { record } of this.workers) record.clockSet(byMs)
  }

  /** Notes at once what has begun; what takes time goes on as a job. */
  private apply(action: Exclude<Action, { do: 'wake' }>): void {
    switch (action.do) {
      case 'mount':
        this.mounting.begin()
        break
      case 'run-sandbox':
        this.runSandbox()
        break
      case 'start':
        if (this.sandboxStatus) this.worker(action.container).start(this.sandboxStatus, action.attempt)
        break
      case 'back-off':
        this.worker(action.container).backOff(action.delayMs, action.untilMs)
        break
      case 'begin-end':
        this.worker(action.container).beginEnd(action)
        break
      case 'pre-stop':
        this.worker(action.container).preStop()
        break
      case 'stop':
        this.worker(action.container).stop(action.graceMs)
        break
      case 'give-up-starts':
        this.startAbort.abort()
        for (const worker of this.workers) worker.giveUpHooks()
        break
      case 'stop-sandbox':
        this.stopSandbox()
        break
      case 'write-terminal-status':
        this.writeTerminalStatus()
        break
      case 'final-delete':
        this.sendFinalDelete()
        break
      case 'clean-up':
        this.cleanUpAll()
        break
      default:
        unreachable(action)
    }
  }

  private isDown(): boolean {
    const isGone =
      this.sandbox.state !== 'ready' && this.sandbox.state !== 'starting' && this.sandbox.state !== 'stopping'
    return isGone && !this.workers.some(({ record }) => lives(record) || record.starting)
  }

  private worker(name: string): ContainerWorker {
    return this.workers.find(({ record }) => record.name === name) as ContainerWorker
  }

  /** Runs beside the step; when it is over, well or not, the plan is asked again. */
  private job(what: string, run: () => Promise<void>): void {
    void run().then(
      () => this.step(),
      (error) => {
        this.seams.failed(`${what} of ${this.object}`, error)
        this.step()
      },
    )
  }

  private persist(what: string, run: () => Promise<unknown>): Promise<void> {
    return persist(`${what} of ${this.object}`, run, this.seams)
  }

  private containerSeams(): ContainerSeams {
    const { seams } = this
    return {
      ...seams,
      object: this.object,
      pod: () => this.pod,
      isEnding: () => endReason(this.view(), seams.clock.now()) !== undefined,
      lastLines: (logPath) => seams.volumes.lastLines(logPath),
      podIP: () => this.sandbox.ip ?? '',
      startSeams: () => ({ ...seams, images: this.images, facts: this.facts(), signal: this.startAbort.signal }),
      job: (what, run) => this.job(what, run),
      persist: (what, run) => this.persist(what, run),
      probed: ({ name, ready }) => {
        this.shown = this.shown?.map((c) => (c.name === name ? { ...c, ready } : c))
        this.hasNews = true
        this.step()
      },
      publish: () => this.publish(),
    }
  }

  // ---- what containers stand on

  private makeMounting(): Mounting {
    return new Mounting({
      ...this.seams,
      pod: () => this.pod,
      facts: () => this.facts(),
      isEnding: () => endReason(this.view(), this.seams.clock.now()) !== undefined,
      announce: (...words) => announcer(this.seams.recorder, this.pod)(...words),
      job: (what, run) => this.job(what, run),
    })
  }

  private runSandbox(): void {
    const { runtime, clock, recorder } = this.seams
    const attempt = this.sandboxStatus ? this.sandboxStatus.config.attempt + 1 : 0
    this.sandbox = { state: 'starting' }
    this.job('sandbox', async () => {
      try {
        this.sandboxStatus = await runtime.runSandbox({ ...this.seams.sandboxConfig(this.pod), attempt })
        this.seams.sandboxMade(this.sandboxStatus)
        this.sandbox = { state: 'ready', ip: this.sandboxStatus.ip }
      } catch (error) {
        const message = `Failed to create pod sandbox: ${(error as Error).message}`
        announcer(recorder, this.pod)('Warning', 'FailedCreatePodSandBox', message)
        this.sandbox = { state: 'failed', retryAtMs: clock.now() + RETRY_MS }
      }
    })
  }

  private stopSandbox(): void {
    for (const worker of this.workers) worker.podEnded()
    const { ip } = this.sandbox
    const id = this.sandboxStatus?.id
    this.sandbox = { state: 'stopping', ...(ip ? { ip } : {}) }
    this.job('sandbox', async () => {
      if (id !== undefined) await this.persist('sandbox', () => this.seams.runtime.stopSandbox(id))
      this.sandbox = { state: 'stopped', ...(ip ? { ip } : {}) }
    })
  }

  private facts(): DownwardFacts {
    const { hostIP, allocatable } = this.seams.node
    return { hostIP, allocatable, podIP: this.sandbox.ip ?? '' }
  }

  // ---- what the API is told

  private newStatus(containers: PodView['containers'] = this.view().containers): PodStatus {
    const { clock, node } = this.seams
    this.lastStatus = podStatus({ ...this.view(), containers }, clock.now(), node, this.lastStatus)
    return this.lastStatus
  }

  /**
   * Writes the present status when it is new. Of a pod that is ended the ends of containers are not shown one by one: all of
   * them are in the terminal status, which is written once, when the plan says so.
   */
  private publish(): void {
    if (this.removed || this.shutdown || this.terminalStatus !== 'none') return
    const isEnded = this.pod.metadata.deletionTimestamp !== undefined || this.overdue
    if (isEnded && !this.passing) this.shown ??= this.workers.map(({ record }) => ({ ...record }))
    if (isEnded && !this.hasNews) return
    this.hasNews = false
    if (!isTerminalPhase(this.status.phase)) void this.writer.submit(this.newStatus(this.shown))
  }

  private writeTerminalStatus(): void {
    const status = this.newStatus()
    this.terminalStatus = 'writing'
    this.job('status', async () => {
      await this.writer.submit(status)
      this.terminalStatus = 'written'
    })
  }

  private statusWritten(status: PodStatus): void {
    const { trace } = this.seams
    const ready = isConditionTrue(status, 'Ready')
    if (ready && !this.wasReady) trace.emit('pod-ready', this.object)
    this.wasReady = ready
    if (isTerminalPhase(status.phase)) trace.emit('status-written', this.object, { detail: { phase: status.phase } })
  }

  /** Only this pod: not one that has its name meanwhile. */
  private sendFinalDelete(): void {
    const { client, trace } = this.seams
    const { namespace = '', name = '' } = this.pod.metadata
    this.finalDelete = 'sending'
    this.job('final delete', async () => {
      await this.persist('final delete', async () => {
        const options = { gracePeriodSeconds: 0, preconditions: { uid: this.uid } }
        await client.delete(pods, { namespace, name }, options)
        trace.emit('final-delete', this.object)
      })
      this.finalDelete = 'sent'
    })
  }

  private cleanUpAll(): void {
    const { runtime, volumes } = this.seams
    this.cleanUp = 'running'
    this.job('clean-up', async () => {
      for (const worker of this.workers)
        for (const id of worker.ids) await this.persist('clean-up', () => runtime.removeContainer(id))
      const sandbox = this.sandboxStatus?.id
      if (sandbox !== undefined) await this.persist('clean-up', () => runtime.removeSandbox(sandbox))
      await this.persist('clean-up', () => volumes.tearDown())
      this.cleanUp = 'done'
      this.seams.done()
    })
  }

  private traceDeletion(): void {
    const grace = this.pod.metadata.deletionGracePeriodSeconds ?? 0
    this.seams.trace.emit('delete-seen', this.object, { detail: { grace } })
  }
}
