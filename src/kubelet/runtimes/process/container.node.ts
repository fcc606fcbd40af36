/**
 * One container: its files, its life from `created` over `running` to `exited`, its end. State that must outlive the node
 * process lies in its directory: `config.json`, `started.json`, `ended.json` by us; `shim`, `status`, `exit` by the shim.
 */
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { removeLog } from '../../log-files.node.ts'
import { type ContainerConfig, type ContainerStatus, RuntimeError, type RuntimeEvent } from '../../runtime.ts'
import { startFailure } from './command.node.ts'
import { executedBy, untilExecuted } from './exec-watch.node.ts'
import { openFifoForWriting } from './fifo.node.ts'
import type { ImageProgram } from './images.ts'
import type { Launcher } from './launcher.node.ts'
import { CONTAINER_VARIABLE, plainLeftovers } from './leftovers.node.ts'
import { ContainerOutput } from './output.node.ts'
import {
  catchesSignal,
  isAlive,
  killAll,
  lookForMark,
  lookForNamespaces,
  namespaceOf,
  processStat,
  processTree,
  sendSignal,
} from './proc.node.ts'
import type { Refuse } from './refuse.node.ts'
import { parseSignal, type StopSignal } from './signals.node.ts'
import { isTransient, neverRan, startReason } from './start-words.ts'
import { BrokenState, readIfThere, readState, StateFolder, shimOf, writeState } from './state-file.node.ts'

/** Starts of one container that fail for reasons outside it, before it is given up. */
const STARTS_MAX = 3
/** A start that has not got to the program so long after its container is to end, in ms, is killed. It takes a tenth of that. */
const START_PATIENCE_MS = 2_000

export interface ContainerRecord {
  readonly id: string
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly imageId: string
  /** What stood for the image when the container was made. */
  readonly program?: ImageProgram
  readonly form: 'bwrap' | 'plain'
  /** Shares the PID namespace of its pod: its program is not PID 1. */
  readonly sharedPid: boolean
  /** That namespace's name, `pid:[N]`. */
  readonly podPids?: string
  readonly logFile: string
  readonly createdAtMs: number
}

export interface Started {
  readonly startedAtMs: number
  readonly pid: number
  readonly startTicks: string
  /** Mount and PID namespace, by which processes of a shared PID namespace are told apart. */
  readonly mounts?: string
  readonly pids?: string
}

type Ended = Required<Pick<ContainerStatus, 'finishedAtMs' | 'exitCode' | 'reason'>> &
  Pick<ContainerStatus, 'signal' | 'message'>

export interface ContainerWorld {
  readonly clock: Clock
  readonly launcher: () => Launcher
  readonly emit: (event: RuntimeEvent) => void
  /** A line for the node's log. */
  readonly say: (text: string) => void
}

export class Container {
  readonly record: ContainerRecord
  readonly directory: string
  /** What it writes outside of volumes lies here. */
  readonly scratch: string
  private readonly world: ContainerWorld
  private readonly files: StateFolder
  private started: Started | undefined
  private ended: Ended | undefined
  shimPid: number | undefined
  private starting: { resolve: () => void; reject: (error: Error) => void } | undefined
  /** While a start is under way: resolves when it has come to its end, this or that way. */
  private settled: Promise<void> | undefined
  private stopping: Promise<void> | undefined
  private ending = false
  private runFile = ''
  private command: readonly string[] = []
  /** Said to be about to become the program; resolves when it has, or is gone. */
  private candidate: { readonly pid: number; readonly atMs: number; readonly known: Promise<void> } | undefined
  private starts = 0
  /** Its output could not be opened, which has been said. */
  private deaf = false
  private readonly exitWaiters: (() => void)[] = []
  output: ContainerOutput | undefined
  /** Keeps the standard input from ending while nobody is attached. */
  private input: number | undefined
  /** Keeps the mount namespace of a container in a shared PID namespace from ending. */
  private held: number | undefined

  constructor(folders: { directory: string; scratch: string }, record: ContainerRecord, world: ContainerWorld) {
    this.directory = folders.directory
    this.scratch = folders.scratch
    this.record = record
    this.world = world
    this.files = new StateFolder(folders.directory, world.say)
  }

  /** Throws the system's error: without its record a container is not begun. */
  save(): void {
    writeState(join(this.directory, 'config.json'), this.record)
  }

  get pid(): number | undefined {
    return this.started?.pid
  }

  get running(): boolean {
    return this.started !== undefined && this.ended === undefined
  }

  get exited(): boolean {
    return this.ended !== undefined
  }

  status(): ContainerStatus {
    const { id, sandboxId, config, imageId, createdAtMs } = this.record
    return {
      id,
      sandboxId,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId,
      state: this.ended ? 'exited' : this.started ? 'running' : 'created',
      createdAtMs,
      ...(this.started ? { startedAtMs: this.started.startedAtMs } : {}),
      ...(this.running ? { pid: this.started?.pid as number } : {}),
      ...this.ended,
      annotations: config.annotations,
    }
  }

  /** Runs the shim file `run` (relative to the launcher), which leads to `command`; resolves when that runs. */
  start(run: string, command: readonly string[]): Promise<void> {
    this.command = command
    const { stdin, tty } = this.record.config
    try {
      if (stdin || tty) this.input = openFifoForWriting(join(this.directory, 'in'))
      this.output = new ContainerOutput(this.world.clock, this.directory, this.record.logFile)
    } catch (error) {
      return Promise.reject(this.failStart((error as Error).message))
    }
    const start = new Promise<void>((resolve, reject) => {
      this.starting = { resolve, reject }
      this.runFile = run
      this.launch()
    })
    const settle = () => {
      this.settled = undefined
    }
    this.settled = start.then(settle, settle)
    return start
  }

  /** A start that never got to the launcher. The reason, as Kubernetes shows it, is StartError with exit code 128. */
  failStart(why: string): RuntimeError {
    const message = startFailure(why)
    this.finish({ finishedAtMs: this.world.clock.now(), exitCode: 128, reason: 'StartError', message })
    return new RuntimeError('start-failed', message)
  }

  /** The program's standard input ends: for containers whose input is given once. */
  closeInput(): void {
    if (this.input !== undefined) closeSync(this.input)
    this.input = undefined
  }

  began(shimPid: number): void {
    this.shimPid = shimPid
  }

  executing(shellPid: number): void {
    const pid = this.record.form === 'bwrap' ? this.bwrapChild() : shellPid
    if (pid === undefined || this.started || this.candidate) return
    const expected = { id: this.record.id, command: this.command }
    const settle = (found: 'program' | 'gone') => {
      if (found === 'program') this.runs(pid)
    }
    const found = executedBy(pid, expected)
    const known = found === 'launcher' ? untilExecuted(pid, expected, this.world.clock).then(settle) : Promise.resolve()
    this.candidate = { pid, atMs: this.world.clock.now(), known }
    if (found !== 'launcher') settle(found)
  }

  private runs(pid: number, startedAtMs = this.world.clock.now()): void {
    const startTicks = processStat(pid)?.startTicks ?? ''
    const spaces = this.record.sharedPid ? this.sharedSpaces(pid) : {}
    this.started = { startedAtMs, pid, startTicks, ...spaces }
    this.files.keep('started.json', this.started)
    this.output?.start.open()
    this.world.emit({ type: 'started', container: this.status() })
    this.starting?.resolve()
    this.starting = undefined
  }

  /** The program has ended with `code`, as a shell counts: 128+n for death by signal n. */
  async endedWith(code: number, atMs = this.world.clock.now()): Promise<void> {
    if (this.ended || this.ending) return
    this.ending = true
    const said = await this.judge(code)
    await this.killLeftovers()
    if (this.started === undefined && this.startsAgain(said)) return
    if (this.started === undefined) this.output?.start.shut()
    this.output?.finish()
    if (this.started === undefined) {
      const error = this.failStart(startReason(said, [dirname(dirname(this.directory))]))
      this.starting?.reject(error)
      this.starting = undefined
      return
    }
    const signal = code > 128 && code <= 128 + 64 ? { signal: code - 128 } : {}
    this.finish({ finishedAtMs: atMs, exitCode: code, reason: code === 0 ? 'Completed' : 'Error', ...signal })
  }

  /** Decides whether what has ended was the program: nobody may have been quick enough to see it. Resolves to the launcher's words. */
  private async judge(code: number): Promise<string> {
    await this.candidate?.known
    if (this.started) return ''
    this.output?.drain()
    const said = this.output?.start.said ?? ''
    if (this.candidate && !neverRan(said, code, this.command)) this.runs(this.candidate.pid, this.candidate.atMs)
    return said
  }

  private startsAgain(said: string): boolean {
    if (this.starts >= STARTS_MAX || !isTransient(said)) return false
    this.releaseShim()
    for (const name of ['exit', 'status', 'run.begun']) rmSync(join(this.directory, name), { force: true })
    this.ending = false
    this.candidate = undefined
    this.output?.start.forget()
    this.launch()
    return true
  }

  private launch(): void {
    this.starts++
    this.world
      .launcher()
      .run(this.runFile, this.record.id)
      .catch((error: Error) => this.starting?.reject(error))
  }

  /** Stop signal, wait, KILL. A stop that is already running goes on as it began. */
  async stop(graceMs: number): Promise<void> {
    // Without an await when there is nothing to wait for: the signal is sent before this returns.
    if (this.settled) await this.settledWithin(Math.max(graceMs, START_PATIENCE_MS))
    if (!this.running) return
    this.stopping ??= this.stopNow(graceMs)
    await this.stopping
  }

  exit(): Promise<void> {
    return this.ended ? Promise.resolve() : new Promise((resolve) => this.exitWaiters.push(resolve))
  }

  /** Ends without grace, whatever state it is in. */
  async kill(): Promise<void> {
    if (this.settled) await this.settledWithin(START_PATIENCE_MS)
    if (!this.running) return
    const exited = this.exit()
    this.signalAll()
    await exited
  }

  /** Waits for a start, whichever way it goes; after `patienceMs` it is killed, however it hangs. */
  private async settledWithin(patienceMs: number): Promise<void> {
    const timer = this.world.clock.setTimer(patienceMs, () => this.killStart())
    await this.settled
    timer.cancel()
  }

  /** The shim stays, to tell the end of what it waited for. */
  private killStart(): void {
    const below = this.shimPid === undefined ? [] : processTree(this.shimPid).slice(1)
    for (const pid of below.reverse()) sendSignal(pid, 'SIGKILL')
    if (this.shimPid !== undefined) sendSignal(this.shimPid, 'SIGCONT')
  }

  /** Takes up a container that an earlier node process started. */
  async adopt(): Promise<void> {
    this.started = this.told<Started>('started.json', ['startedAtMs', 'pid', 'startTicks'])
    this.ended = this.told<Ended>('ended.json', ['finishedAtMs', 'exitCode', 'reason'])
    if (this.ended) return
    this.shimPid = shimOf(this.directory)?.pid
    if (this.shimPid === undefined) return
    this.openOutput()
    const pid = this.record.form === 'bwrap' ? this.bwrapChild() : (this.plainProgram() ?? this.shimPid)
    if (this.started === undefined && pid !== undefined) this.runs(pid)
    else if (this.started && this.record.sharedPid && isAlive(this.started.pid, this.started.startTicks))
      this.hold(this.started.pid)
    this.output?.start.open()
    await this.check()
  }

  /** A broken file is one that was never written: what it would say is found out, as far as it can be. */
  private told<T extends object>(name: string, needs: readonly (keyof T & string)[]): T | undefined {
    try {
      return readState<T>(join(this.directory, name), needs)
    } catch (error) {
      if (!(error instanceof BrokenState)) throw error
      this.world.say(`the container ${this.record.config.name} goes on without what is broken: ${error.message}`)
      return undefined
    }
  }

  /** Also tried again later: without descriptors or room on the disk the program goes on and is only not listened to. */
  private openOutput(): void {
    try {
      this.output ??= new ContainerOutput(this.world.clock, this.directory, this.record.logFile)
    } catch (error) {
      const { name } = this.record.config
      if (!this.deaf)
        this.world.say(`the output of container ${name} is not taken; this is tried again: ${(error as Error).message}`)
      this.deaf = true
    }
  }

  /**
   * Looks whether the program still lives; finds the end of one whose end nobody told us. Throws the system's error when that
   * cannot be seen just now.
   */
  async check(): Promise<void> {
    this.files.retry()
    if (this.ending) return
    // The shim was killed before it got as far as the program.
    if (this.starting && this.shimPid !== undefined && !this.shimAlive()) return this.endedWith(137)
    if (!this.running || this.started === undefined) return
    this.openOutput()
    const code = readIfThere(join(this.directory, 'exit'))?.trim()
    if (code) return this.endedWith(Number(code), statSync(join(this.directory, 'exit')).mtimeMs)
    if (isAlive(this.started.pid, this.started.startTicks) || this.shimAlive()) return
    this.ending = true
    await this.killLeftovers()
    this.output?.finish()
    const message = 'The container could not be located when the pod was terminated'
    this.finish({ finishedAtMs: this.world.clock.now(), exitCode: 137, reason: 'ContainerStatusUnknown', message })
  }

  /** The node process goes; the container stays. */
  close(): void {
    this.closeInput()
    this.output?.close()
  }

  /** The record goes last: what is found without it after a crash is nobody's. */
  async remove(refuse: Refuse): Promise<void> {
    this.output?.close()
    removeLog(this.record.logFile)
    this.releaseShim()
    for (const folder of [this.scratch, this.directory]) await refuse.take(folder)
  }

  private async stopNow(graceMs: number): Promise<void> {
    const exited = this.exit()
    if (graceMs <= 0) {
      this.signalAll()
      return exited
    }
    if (!existsSync(this.signalledFile)) this.sendStopSignal()
    const timer = this.world.clock.setTimer(graceMs, () => this.signalAll())
    await exited
    timer.cancel()
  }

  /** There when the stop signal was sent, perhaps by an earlier node process: it is sent once in a container's life. */
  private get signalledFile(): string {
    return join(this.directory, 'signalled')
  }

  /** A full disk keeps no container from being stopped: a node process that comes back would then send the signal again. */
  private noteSignalled(): void {
    try {
      writeFileSync(this.signalledFile, '', { mode: 0o600 })
    } catch (error) {
      this.world.say(`${this.signalledFile} cannot be written: ${(error as Error).message}`)
    }
  }

  private sendStopSignal(): void {
    this.noteSignalled()
    const pid = this.started?.pid as number
    const text = this.record.config.stopSignal ?? this.record.program?.stopSignal ?? 'SIGTERM'
    const signal = parseSignal(text) ?? (parseSignal('SIGTERM') as StopSignal)
    // PID 1 of a namespace: the kernel itself drops a signal without handler. Where there is none we do the same.
    const withheld = !this.record.sharedPid && signal.name !== 'SIGKILL' && !catchesSignal(pid, signal.number)
    if (!(withheld && this.record.form === 'plain')) sendSignal(pid, signal.number)
    this.world.emit({ type: 'signalled', container: this.status(), signal: signal.name, withheld })
  }

  private signalAll(): void {
    if (!this.running || this.started === undefined) return
    sendSignal(this.started.pid, 'SIGKILL')
    // Who waits for its end and stands stopped would not tell it.
    for (const pid of this.shimPid === undefined ? [] : processTree(this.shimPid)) sendSignal(pid, 'SIGCONT')
    this.world.emit({ type: 'signalled', container: this.status(), signal: 'SIGKILL', withheld: false })
    if (this.record.form === 'plain') void this.killLeftovers()
  }

  /** A PID namespace of its own is empty when its init is gone; elsewhere what escaped must be looked for. */
  private async killLeftovers(): Promise<void> {
    const { form, sharedPid, id } = this.record
    const { mounts, pids } = this.started ?? {}
    if (form === 'plain') {
      const { directory, started: program } = this
      await killAll(() => plainLeftovers({ id, directory, program }))
    } else if (sharedPid && mounts) {
      await killAll(() => lookForNamespaces({ mnt: mounts, ...(pids ? { pid: pids } : {}) }))
    }
    if (this.held !== undefined) closeSync(this.held)
    this.held = undefined
  }

  private finish(ended: Ended): void {
    this.ended = ended
    this.closeInput()
    this.files.keep('ended.json', ended)
    this.releaseShim()
    this.world.emit({ type: 'exited', container: this.status() })
    for (const waiter of this.exitWaiters.splice(0)) waiter()
  }

  private releaseShim(): void {
    if (this.shimPid === undefined) return
    if (this.shimAlive()) sendSignal(this.shimPid, 'SIGKILL')
    this.shimPid = undefined
    this.world.launcher().reap()
  }

  /** Not known to have ended: also true when that cannot be seen just now. */
  private shimAlive(): boolean {
    let shim: ReturnType<typeof shimOf>
    try {
      shim = shimOf(this.directory)
    } catch {
      return true
    }
    if (shim) return isAlive(shim.pid, shim.startTicks)
    return this.shimPid !== undefined && isAlive(this.shimPid, '')
  }

  /**
   * The kernel gives the number of a namespace to another as soon as the last process is gone, so it is held open until we have
   * looked for what is left in it.
   */
  private sharedSpaces(pid: number): Pick<Started, 'mounts' | 'pids'> {
    this.hold(pid)
    const mounts = this.bwrapMounts() ?? namespaceOf(pid, 'mnt')
    return { ...(mounts ? { mounts } : {}), ...(this.record.podPids ? { pids: this.record.podPids } : {}) }
  }

  private hold(pid: number): void {
    try {
      this.held ??= openSync(`/proc/${pid}/ns/mnt`, 'r')
    } catch {
      // Gone already.
    }
  }

  /** As bubblewrap tells it: the program itself may be gone before its start is heard of. */
  private bwrapMounts(): string | undefined {
    const inode = /"mnt-namespace": (\d+)/.exec(readText(join(this.directory, 'status')) ?? '')?.[1]
    return inode === undefined ? undefined : `mnt:[${inode}]`
  }

  /** The eldest marked leader of a session: a plain program whose start nobody noted. */
  private plainProgram(): number | undefined {
    const marked = lookForMark(`${CONTAINER_VARIABLE}=${this.record.id}`).pids.map(processStat)
    const leaders = marked.filter((stat) => stat !== undefined && stat.session === stat.pid)
    return leaders.sort((a, b) => Number(a?.startTicks) - Number(b?.startTicks))[0]?.pid
  }

  private bwrapChild(): number | undefined {
    const pid = /"child-pid": (\d+)/.exec(readText(join(this.directory, 'status')) ?? '')?.[1]
    return pid === undefined ? undefined : Number(pid)
  }
}

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
