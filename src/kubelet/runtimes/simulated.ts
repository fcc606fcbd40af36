/**
 * The runtime of virtual time: its programs are data. What is real about it is the contract (contract.ts): who is PID 1, what a
 * signal does, how a stop waits, which exit code comes out.
 *
 *   const stubborn: SimProgram = { onSignal: { SIGTERM: 'ignore' }, logs: [{ atMs: 0, line: 'up' }] }
 *   new SimulatedRuntime({ clock, random, program: () => stubborn })
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { type Random, uuid } from '../../base/random.ts'
import type {
  ContainerConfig,
  ContainerId,
  ContainerStatus,
  ExecResult,
  ExecSession,
  ImageSource,
  ImageUser,
  Runtime,
  RuntimeEvent,
  SandboxConfig,
  SandboxId,
  SandboxStatus,
} from '../runtime.ts'
import { execRefused, RuntimeError } from '../runtime.ts'

/** What a program does with a signal that it handles: goes on, or ends. */
type SimReaction =
  | 'ignore'
  | {
      /** undefined: it writes its lines and goes on. */
      readonly exit?: number
      readonly afterMs?: number
      readonly lines?: readonly string[]
    }

export interface SimProgram {
  /** From the call to the first instruction. */
  readonly startDelayMs?: number
  /** The command cannot be executed; this is why. */
  readonly startError?: string
  /** Signals with a handler, by name. Without one a signal kills, but not PID 1. */
  readonly onSignal?: Readonly<Record<string, SimReaction>>
  /** Ends by itself this long after its start, with `exitCode` (0). */
  readonly exitAfterMs?: number
  readonly exitCode?: number
  /** Output, by time since its start. */
  readonly logs?: readonly { readonly atMs: number; readonly line: string }[]
  /** Last words, in the termination message file at its end. */
  readonly lastWords?: string
  /** Commands for exec, by their words joined by spaces; any other exits 127. */
  readonly commands?: Readonly<Record<string, SimCommand>>
  /** Answers HTTP at this port: for the simulated prober. */
  readonly http?: { readonly port: number; readonly status: (path: string, sinceStartMs: number) => number }
}

interface SimCommand {
  readonly exitCode: number | ((sinceStartMs: number) => number)
  readonly takesMs?: number
  readonly stdout?: string
  readonly stderr?: string
  /** Written to the container's log when it begins. */
  readonly line?: string
}

export interface SimulatedOptions {
  readonly clock: Clock
  readonly random: Random
  /** The program of a container; undefined: there is no such image. */
  readonly program: (image: string, config?: ContainerConfig) => SimProgram | undefined
  /** Time that a sandbox takes, in ms. */
  readonly sandboxMs?: number
  /** First pod address: `10.244.0.` and a count. */
  readonly addressPrefix?: string
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
}

interface SimContainer {
  readonly id: ContainerId
  readonly sandboxId: SandboxId
  readonly config: ContainerConfig
  readonly program: SimProgram
  readonly createdAtMs: number
  readonly pid: number
  readonly isPid1: boolean
  readonly lines: { readonly atMs: number; readonly line: string }[]
  readonly timers: Set<Timer>
  /** Ends of graces that somebody waits for. */
  readonly kills: Set<Timer>
  readonly waiters: (() => void)[]
  state: 'created' | 'running' | 'exited'
  startedAtMs?: number
  finishedAtMs?: number
  exitCode?: number
  signal?: number
  /** The stop signal is sent once in a container's life. */
  stopSignalSent: boolean
  reason?: string
  message?: string
}

export class SimulatedRuntime implements Runtime {
  readonly degraded: readonly string[] = []
  readonly unenforced: Runtime['unenforced'] = new Set()
  readonly name = 'simulated'
  readonly version = '1'
  private readonly options: SimulatedOptions
  private readonly sandboxes = new Map<SandboxId, SandboxStatus & { config: SandboxConfig }>()
  private readonly containers = new Map<ContainerId, SimContainer>()
  private readonly listeners = new Set<(event: RuntimeEvent) => void>()
  private lastAddress = 1
  private lastPid = 1000

  constructor(options: SimulatedOptions) {
    this.options = options
  }

  async runSandbox(config: SandboxConfig): Promise<SandboxStatus> {
    await this.pause(this.options.sandboxMs ?? 0)
    const prefix = this.options.addressPrefix ?? '10.244.0.'
    const sandbox = {
      id: uuid(this.options.random),
      config,
      state: 'ready' as const,
      ip: `${prefix}${++this.lastAddress}`,
      createdAtMs: this.options.clock.now(),
    }
    this.sandboxes.set(sandbox.id, sandbox)
    return sandbox
  }

  async stopSandbox(id: SandboxId): Promise<void> {
    const sandbox = this.sandboxes.get(id)
    if (!sandbox) return
    for (const container of this.containers.values())
      if (container.sandboxId === id && container.state === 'running') this.kill(container)
    this.sandboxes.set(id, { ...sandbox, state: 'notready' })
  }

  async removeSandbox(id: SandboxId): Promise<void> {
    await this.stopSandbox(id)
    for (const container of [...this.containers.values()])
      if (container.sandboxId === id) this.containers.delete(container.id)
    this.sandboxes.delete(id)
  }

  async listSandboxes(): Promise<readonly SandboxStatus[]> {
    return [...this.sandboxes.values()]
  }

  async pullImage(image: string): Promise<string> {
    if (!this.imageSource(image))
      throw new RuntimeError('image-missing', `there is no program for the image "${image}"`)
    return `simulated:${image}`
  }

  imageSource(image: string): ImageSource | undefined {
    return this.options.program(image) && 'image'
  }

  hostId(_userNamespace: 'pod' | 'node', id: number): number {
    return id
  }

  imageUser(): ImageUser {
    return { uid: 0 }
  }

  async createContainer(sandboxId: SandboxId, config: ContainerConfig): Promise<ContainerId> {
    const sandbox = this.sandboxes.get(sandboxId)
    if (!sandbox) throw new RuntimeError('not-found', `no sandbox ${sandboxId}`)
    const program = this.options.program(config.image, config)
    if (!program) throw new RuntimeError('image-missing', `there is no program for the image "${config.image}"`)
    const id = uuid(this.options.random).replaceAll('-', '')
    this.containers.set(id, {
      id,
      sandboxId,
      config,
      program,
      createdAtMs: this.options.clock.now(),
      pid: ++this.lastPid,
      isPid1: !sandbox.config.shareProcessNamespace,
      lines: [],
      timers: new Set(),
      kills: new Set(),
      waiters: [],
      state: 'created',
      stopSignalSent: false,
    })
    return id
  }

  async startContainer(id: ContainerId): Promise<void> {
    const container = this.find(id)
    const { program } = container
    await this.pause(program.startDelayMs ?? 0)
    container.startedAtMs = this.options.clock.now()
    if (program.startError !== undefined) {
      container.reason = 'StartError'
      container.message = program.startError
      this.end(container, { exitCode: 128 })
      throw new RuntimeError('start-failed', program.startError)
    }
    container.state = 'running'
    for (const { atMs, line } of program.logs ?? []) this.after(container, atMs, () => this.write(container, line))
    if (program.exitAfterMs !== undefined)
      this.after(container, program.exitAfterMs, () => this.end(container, { exitCode: program.exitCode ?? 0 }))
    this.emit({ type: 'started', container: this.statusOf(container) })
  }

  stopContainer(id: ContainerId, graceMs: number): Promise<void> {
    const container = this.containers.get(id)
    if (!container) return Promise.reject(new RuntimeError('not-found', `no container ${id}`))
    if (container.state !== 'running') return Promise.resolve()
    const ended = new Promise<void>((resolve) => container.waiters.push(resolve))
    if (graceMs === 0) this.kill(container)
    else {
      if (!container.stopSignalSent) this.signal(container, container.config.stopSignal ?? 'SIGTERM')
      container.kills.add(this.after(container, graceMs, () => this.kill(container)))
    }
    return ended
  }

  async removeContainer(id: ContainerId): Promise<void> {
    const container = this.containers.get(id)
    if (!container) return
    if (container.state === 'running') this.kill(container)
    this.containers.delete(id)
  }

  async containerStatus(id: ContainerId): Promise<ContainerStatus> {
    return this.statusOf(this.find(id))
  }

  async listContainers(): Promise<readonly ContainerStatus[]> {
    return [...this.containers.values()].map((container) => this.statusOf(container))
  }

  async execSync(id: ContainerId, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const container = this.find(id)
    if (container.state !== 'running') throw execRefused(container.state === 'exited' ? 'EXITED' : 'CREATED')
    const found = container.program.commands?.[command.join(' ')]
    if (!found) return { exitCode: 127, stdout: '', stderr: `exec: "${command[0]}": not found` }
    if (found.line) this.write(container, found.line)
    const takesMs = found.takesMs ?? 0
    const outcome = await this.pauseWhileRunning(container, Math.min(takesMs, timeoutMs))
    if (outcome === 'ended') return { exitCode: 137, stdout: '', stderr: '' }
    if (takesMs > timeoutMs) throw Object.assign(new Error('command timed out'), { name: 'TimeoutError' })
    const { exitCode, stdout = '', stderr = '' } = found
    const code = typeof exitCode === 'number' ? exitCode : exitCode(this.sinceStart(container))
    return { exitCode: code, stdout, stderr }
  }

  exec(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('unavailable', 'simulated programs have no exec sessions'))
  }

  attach(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('unavailable', 'simulated programs cannot be attached to'))
  }

  async terminationMessage(id: ContainerId): Promise<string> {
    const container = this.find(id)
    return container.state === 'exited' ? (container.program.lastWords ?? '') : ''
  }

  subscribe(listener: (event: RuntimeEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  // ---- for tests and for the simulated world

  /** The node process is gone: programs live on, but nobody waits for the end of a grace any more. */
  forgetStops(): void {
    for (const container of this.containers.values()) {
      for (const timer of container.kills) timer.cancel()
      container.kills.clear()
      container.waiters.length = 0
    }
  }

  /** What a container has written, with the virtual time of each line. */
  output(id: ContainerId): readonly { readonly atMs: number; readonly line: string }[] {
    return this.containers.get(id)?.lines ?? []
  }

  /** The status that a program answers at an address and port; undefined: nobody listens. */
  http(ip: string, port: number, path: string): number | undefined {
    for (const container of this.containers.values()) {
      const { http } = container.program
      if (container.state !== 'running' || http?.port !== port) continue
      if (this.sandboxes.get(container.sandboxId)?.ip === ip) return http.status(path, this.sinceStart(container))
    }
    return undefined
  }

  // ---- signals and ends

  private signal(container: SimContainer, signal: string): void {
    container.stopSignalSent = true
    const reaction = container.program.onSignal?.[signal]
    this.emit({ type: 'signalled', container: this.statusOf(container), signal, withheld: false })
    if (reaction === 'ignore' || (reaction === undefined && container.isPid1)) return
    if (reaction === undefined) {
      this.end(container, { signal: SIGNAL_NUMBERS[signal] ?? 15 })
      return
    }
    for (const line of reaction.lines ?? []) this.write(container, line)
    const { exit, afterMs = 0 } = reaction
    if (exit !== undefined) this.after(container, afterMs, () => this.end(container, { exitCode: exit }))
  }

  private kill(container: SimContainer): void {
    if (container.state !== 'running') return
    this.emit({ type: 'signalled', container: this.statusOf(container), signal: 'SIGKILL', withheld: false })
    this.end(container, { signal: 9 })
  }

  private end(container: SimContainer, how: { readonly exitCode?: number; readonly signal?: number }): void {
    container.state = 'exited'
    container.finishedAtMs = this.options.clock.now()
    container.exitCode = how.exitCode ?? 128 + (how.signal ?? 0)
    if (how.signal !== undefined) container.signal = how.signal
    for (const timer of container.timers) timer.cancel()
    container.timers.clear()
    this.emit({ type: 'exited', container: this.statusOf(container) })
    for (const resolve of container.waiters.splice(0)) resolve()
  }

  private write(container: SimContainer, line: string): void {
    container.lines.push({ atMs: this.options.clock.now(), line })
  }

  private after(container: SimContainer, delayMs: number, fire: () => void): Timer {
    const timer = this.options.clock.setTimer(delayMs, () => {
      container.timers.delete(timer)
      fire()
    })
    container.timers.add(timer)
    return timer
  }

  private pauseWhileRunning(container: SimContainer, ms: number): Promise<'over' | 'ended'> {
    return new Promise((resolve) => {
      container.waiters.push(() => resolve('ended'))
      this.after(container, ms, () => resolve('over'))
    })
  }

  private pause(ms: number): Promise<void> {
    return ms > 0 ? new Promise((resolve) => this.options.clock.setTimer(ms, resolve)) : Promise.resolve()
  }

  private sinceStart(container: SimContainer): number {
    return this.options.clock.now() - (container.startedAtMs ?? 0)
  }

  private find(id: ContainerId): SimContainer {
    const container = this.containers.get(id)
    if (!container) throw new RuntimeError('not-found', `no container ${id}`)
    return container
  }

  private statusOf(container: SimContainer): ContainerStatus {
    const { id, sandboxId, config, state, createdAtMs, startedAtMs, finishedAtMs, exitCode, signal } = container
    const { reason, message } = container
    return {
      id,
      sandboxId,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId: `simulated:${config.image}`,
      state,
      createdAtMs,
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(state === 'running' ? { pid: container.pid } : {}),
      annotations: config.annotations,
    }
  }

  private emit(event: RuntimeEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
