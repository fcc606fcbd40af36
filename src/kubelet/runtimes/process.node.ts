/**
 * The runtime of real processes: a sandbox is a pod's network namespace, a container a program in it, by bubblewrap (a PID
 * namespace of its own with the program as PID 1) or, where that is missing, plainly. Containers belong to the launcher
 * (process/launcher.node.ts), not to this process: they outlive it, and `openProcessRuntime` in the same directory finds them.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TOOL_ENVIRONMENT } from '../../base/child.node.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import {
  type ContainerConfig,
  type ContainerId,
  type ContainerStatus,
  type ExecResult,
  type ExecSession,
  execRefused,
  type ImageSource,
  type ImageUser,
  type Runtime,
  RuntimeError,
  type RuntimeEvent,
  type SandboxConfig,
  type SandboxId,
  type SandboxStatus,
  type SecurityFeature,
} from '../runtime.ts'
import { attachTo } from './process/attach.node.ts'
import { bubblewrapTrouble } from './process/bubblewrap.node.ts'
import { Container, type ContainerRecord } from './process/container.node.ts'
import { runExec, startExec } from './process/exec.node.ts'
import { type FindProgram, imageId } from './process/images.node.ts'
import { commandLine, type ImageProgram, imageMissingMessage } from './process/images.ts'
import { readLastWords } from './process/last-words.node.ts'
import { Launcher, type LauncherEvent } from './process/launcher.node.ts'
import { findReaper } from './process/leftovers.node.ts'
import { LoopbackPorts, loopbackAddress } from './process/loopback-ports.node.ts'
import { type PodAddress, PodNetwork } from './process/network.node.ts'
import { OpenFolders } from './process/open-folders.node.ts'
import { type ContainerParts, execPlan, type NodeParts, writeStart } from './process/plan.node.ts'
import { namespaceOf } from './process/proc.node.ts'
import { Refuse } from './process/refuse.node.ts'
import { soundContainers, soundSandboxes } from './process/remains.node.ts'
import { freePort, Sandbox, type SandboxRecord } from './process/sandbox.node.ts'
import { findTools } from './process/tools.node.ts'
import { ROOT, UserSpaces } from './process/user-spaces.node.ts'
import { FABRIC_VARIABLE, type NodeWorld, POD_SLOTS_MAX } from './process/world.ts'

/** How often running containers are looked at whose end nobody may have told (a killed shim), in ms. */
const CHECK_INTERVAL_MS = 2000

export interface ProcessRuntimeOptions {
  readonly world: NodeWorld
  readonly clock: Clock
  /** What stands for an image at the moment. */
  readonly findProgram: FindProgram
  /** ebb's own folders, data and run: no container sees into them. */
  readonly covered?: readonly string[]
  /** Absent: bubblewrap where it is present. */
  readonly form?: 'bwrap' | 'plain'
  /** For the node's log: what was lost, given up or cannot be written. */
  readonly log?: (text: string) => void
}

export interface ProcessRuntime extends Runtime {
  readonly form: 'bwrap' | 'plain'
  /** Lets go of everything without ending it: containers go on, for the next node process to find. */
  close(): Promise<void>
}

/** Opens the runtime in `world.directory`, adopting what an earlier node process left there. Throws RuntimeError unavailable. */
export async function openProcessRuntime(options: ProcessRuntimeOptions): Promise<ProcessRuntime> {
  const runtime = new Processes(options)
  await runtime.open()
  return runtime
}

class Processes implements ProcessRuntime {
  readonly name = 'ebb'
  readonly version = '0.1.0'
  form: 'bwrap' | 'plain'
  degraded: readonly string[] = []
  unenforced: Runtime['unenforced'] = new Set(NEVER_ENFORCED)
  private readonly wanted: 'bwrap' | 'plain' | undefined
  private readonly world: NodeWorld
  private readonly clock: Clock
  private readonly findProgram: FindProgram
  private readonly covered: readonly string[]
  private readonly tools = findTools()
  private parts!: NodeParts
  private readonly listeners = new Set<(event: RuntimeEvent) => void>()
  private readonly sandboxes = new Map<SandboxId, Sandbox>()
  private readonly containers = new Map<ContainerId, Container>()
  private readonly pauses = new Map<SandboxId, (pid: number) => void>()
  private launcher!: Launcher
  private network: PodNetwork | undefined
  private readonly loopback: LoopbackPorts
  private slot = randomInt(POD_SLOTS_MAX)
  private checking: Timer | undefined
  private readonly say: (text: string) => void

  constructor(options: ProcessRuntimeOptions) {
    this.world = options.world
    this.clock = options.clock
    this.loopback = new LoopbackPorts(options.clock)
    this.findProgram = options.findProgram
    this.covered = options.covered ?? []
    this.wanted = options.form
    this.form = options.form ?? 'bwrap'
    this.say = options.log ?? (() => {})
  }

  async open(): Promise<void> {
    const { directory } = this.world
    // Containers' users are strangers and must get through to what is theirs; who may see what is in it, each file says itself.
    for (const name of ['', 'c', 's', 'fs']) mkdirSync(join(directory, name), { recursive: true, mode: 0o711 })
    const trouble = this.wanted === 'plain' ? 'was not wanted' : bubblewrapTrouble(this.tools)
    const env = { ...TOOL_ENVIRONMENT, [FABRIC_VARIABLE]: this.world.fabricId }
    this.parts = this.nodeParts(env)
    let left: readonly ContainerRecord[] = []
    try {
      for (const sandbox of await soundSandboxes(directory, this.say)) this.sandboxes.set(sandbox.record.id, sandbox)
      left = await soundContainers(join(directory, 'c'), this.sandboxes, this.say)
      this.launcher = await Launcher.open(directory, env, (event) => this.onLauncher(event))
      if (this.world.mode === 'namespaces') await this.openNetwork()
      for (const sandbox of this.sandboxes.values()) this.lead(sandbox)
      await this.judge(await trouble)
    } catch (error) {
      throw new RuntimeError('unavailable', `the container runtime cannot start: ${(error as Error).message}`, {
        cause: error,
      })
    }
    await Promise.all(left.map((record) => this.adopt(record)))
    this.launcher.drain()
    this.watch()
  }

  async close(): Promise<void> {
    this.checking?.cancel()
    for (const container of this.containers.values()) container.close()
    this.launcher.close()
    this.loopback.close()
    await Promise.all([this.network?.close(), this.parts.open.close(), this.parts.refuse.close()])
  }

  hostId(userNamespace: 'pod' | 'node', id: number): number {
    // A plain program of root's becomes that very user.
    return this.form === 'plain' && process.getuid?.() === 0 ? id : this.parts.spaces.hostId(userNamespace, id)
  }

  async runSandbox(config: SandboxConfig): Promise<SandboxStatus> {
    const id = newId()
    const base = { id, config, createdAtMs: this.clock.now(), state: 'ready' as const }
    const { directory } = this.world
    const record = { ...base, ...(await this.address(config)) }
    const sandbox = new Sandbox(join(directory, 's', id), join(directory, 'fs', id), record)
    this.sandboxes.set(id, sandbox)
    try {
      sandbox.prepare()
      this.lead(sandbox)
      if (config.shareProcessNamespace && this.formOf(sandbox) === 'bwrap') {
        const file = join('s', id, 'pause')
        writeFileSync(join(directory, file), await this.pauseScript(sandbox))
        const pid = new Promise<number>((resolve) => this.pauses.set(id, resolve))
        await this.launcher.run(file, id)
        sandbox.paused(await pid)
      }
    } catch (error) {
      // Nobody hears of its id: what it took is given back.
      await this.removeSandbox(id)
      throw error
    }
    return sandbox.status()
  }

  async stopSandbox(id: SandboxId): Promise<void> {
    const sandbox = this.sandboxes.get(id)
    if (!sandbox) return
    await Promise.all(this.containersOf(id).map((container) => container.kill()))
    this.loopback.remove(id)
    await sandbox.stop(this.network, this.launcher)
  }

  async removeSandbox(id: SandboxId): Promise<void> {
    await this.stopSandbox(id)
    for (const container of this.containersOf(id)) await this.removeContainer(container.record.id)
    await this.sandboxes.get(id)?.remove(this.network, this.parts.refuse)
    this.sandboxes.delete(id)
  }

  listSandboxes(): Promise<readonly SandboxStatus[]> {
    return Promise.resolve([...this.sandboxes.values()].map((sandbox) => sandbox.status()))
  }

  async pullImage(image: string, command: readonly string[] = []): Promise<string> {
    const program = this.program(image)
    if (!program && command.length === 0) throw new RuntimeError('image-missing', imageMissingMessage(image))
    return program?.id ?? imageId(image)
  }

  imageSource(image: string, command: readonly string[] = []): ImageSource | undefined {
    try {
      const program = this.program(image)
      if (program) return program.isTools ? 'tools' : 'image'
      return command.length > 0 ? 'command' : undefined
    } catch {
      // The pull says why.
      return undefined
    }
  }

  imageUser(image: string): ImageUser {
    // Without a user namespace a program is whoever started ebb.
    return this.program(image)?.user ?? { uid: this.form === 'plain' ? (process.getuid?.() ?? 0) : 0 }
  }

  private program(image: string): ImageProgram | undefined {
    try {
      return this.findProgram(image)
    } catch (error) {
      throw new RuntimeError('image-missing', (error as Error).message)
    }
  }

  async createContainer(sandboxId: SandboxId, config: ContainerConfig): Promise<ContainerId> {
    const sandbox = this.sandbox(sandboxId)
    const program = this.program(config.image)
    if (commandLine(program, config.command, config.args).length === 0)
      throw new RuntimeError('image-missing', imageMissingMessage(config.image))
    const id = newId()
    const podPids = sandbox.record.pause && namespaceOf(sandbox.record.pause.pid, 'pid')
    const record: ContainerRecord = {
      id,
      sandboxId,
      config,
      imageId: program?.id ?? imageId(config.image),
      ...(program ? { program } : {}),
      form: this.formOf(sandbox),
      sharedPid: sandbox.record.config.shareProcessNamespace,
      ...(podPids === undefined ? {} : { podPids }),
      logFile: join(sandbox.record.config.logDirectory, config.logPath),
      createdAtMs: this.clock.now(),
    }
    const container = this.container(record)
    try {
      mkdirSync(container.directory, { mode: 0o711 })
      container.save()
      this.containers.set(id, container)
      await Promise.all(
        ['out', 'err', ...(config.stdin || config.tty ? ['in'] : [])].map((name) =>
          this.launcher.fifo(join(container.directory, name)),
        ),
      )
    } catch (error) {
      this.containers.delete(id)
      rmSync(container.directory, { recursive: true, force: true })
      throw new RuntimeError('unavailable', `failed to create containerd container: ${(error as Error).message}`)
    }
    return id
  }

  async startContainer(id: ContainerId): Promise<void> {
    const container = this.running(id, 'any')
    if (container.status().state !== 'created')
      throw new RuntimeError('start-failed', `container ${id} was started before`)
    let command: readonly string[]
    try {
      command = await writeStart(this.containerParts(container))
    } catch (error) {
      throw container.failStart((error as Error).message)
    }
    await container.start(join('c', id, 'run'), command)
  }

  async stopContainer(id: ContainerId, graceMs: number): Promise<void> {
    await this.containers.get(id)?.stop(graceMs)
  }

  async removeContainer(id: ContainerId): Promise<void> {
    const container = this.containers.get(id)
    if (!container) return
    await container.kill()
    await container.remove(this.parts.refuse)
    this.containers.delete(id)
  }

  async containerStatus(id: ContainerId): Promise<ContainerStatus> {
    return this.running(id, 'any').status()
  }

  async listContainers(): Promise<readonly ContainerStatus[]> {
    return [...this.containers.values()].map((container) => container.status())
  }

  async execSync(id: ContainerId, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    return runExec(this.execPlan(id, command, { tty: false }), timeoutMs, this.clock)
  }

  async exec(
    id: ContainerId,
    command: readonly string[],
    options: { tty: boolean; stdin: boolean },
  ): Promise<ExecSession> {
    return startExec(this.execPlan(id, command, options), options, this.clock)
  }

  async attach(id: ContainerId): Promise<ExecSession> {
    return attachTo(this.running(id, 'running'))
  }

  async terminationMessage(id: ContainerId): Promise<string> {
    return readLastWords(join(this.running(id, 'any').directory, 'termination-log'))
  }

  subscribe(listener: (event: RuntimeEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Chooses the form, and says what is degraded. Throws when a form was asked for that is not to be had. */
  private async judge(trouble: string | undefined): Promise<void> {
    if (trouble !== undefined && this.wanted === 'bwrap') throw new Error(`bubblewrap ${trouble}`)
    this.form = trouble === undefined ? 'bwrap' : 'plain'
    const many = this.form === 'plain' ? process.getuid?.() === 0 : this.parts.spaces.many
    this.degraded = [...this.world.degraded, ...degradedSentences(trouble, many)]
    const groups: readonly SecurityFeature[] = many ? [] : ['supplementalGroups']
    this.unenforced = new Set([...NEVER_ENFORCED, ...groups, ...(this.form === 'plain' ? NOT_IN_PLAIN : [])])
    if (this.form === 'bwrap') return
    this.parts = { ...this.parts, reaper: await findReaper() }
    if (!this.parts.reaper) this.degraded = [...this.degraded, NO_REAPER]
  }

  private async openNetwork(): Promise<void> {
    const addresses = [...this.sandboxes.values()]
      .filter((sandbox) => sandbox.record.state === 'ready')
      .map((sandbox) => sandbox.record.address)
      .filter((address): address is PodAddress => address !== undefined)
    this.network = await PodNetwork.open(this.world.nodeIndex, join(this.world.directory, 'n'), addresses)
  }

  /** A PID namespace that several containers join takes a node with namespaces; without, they share the host's, plainly. */
  private formOf(sandbox: Sandbox): 'bwrap' | 'plain' {
    return sandbox.record.config.shareProcessNamespace && this.world.mode === 'plain' ? 'plain' : this.form
  }

  private async pauseScript(sandbox: Sandbox): Promise<string> {
    const { spaces, tools } = this.parts
    const holder = await spaces.holder(sandbox.scope, ROOT)
    const join = [tools.nsenter, '--preserve-credentials', `--user=/proc/${holder}/ns/user`, '--']
    return sandbox.pauseScript([...spaces.become(sandbox.scope, ROOT), ...join], tools.unshare)
  }

  private async address(config: SandboxConfig): Promise<Pick<SandboxRecord, 'ip' | 'port' | 'address'>> {
    if (config.hostNetwork) return { ip: this.world.nodeIP }
    if (this.world.mode === 'plain') {
      const taken = new Set([...this.sandboxes.values()].map((sandbox) => sandbox.record.port ?? 0))
      this.slot = (this.slot + 1) % POD_SLOTS_MAX
      const ip = loopbackAddress(this.world.fabricId, this.world.nodeIndex, this.slot)
      return { ip, port: await freePort(taken) }
    }
    const address = await (this.network as PodNetwork).take()
    return { ip: address.ip, address }
  }

  /** Where pods share the host's network: makes the pod be found where its manifest says. */
  private lead(sandbox: Sandbox): void {
    const { id, ip, port, config, state } = sandbox.record
    if (port !== undefined && state === 'ready') this.loopback.add(id, { ip, port, ports: config.ports ?? [] })
  }

  private nodeParts(env: Readonly<Record<string, string>>): NodeParts {
    const { world, tools, covered } = this
    const spaces = new UserSpaces(world, tools, env)
    const open = new OpenFolders(join(world.directory, 'open'), tools, spaces.many)
    const refuse = new Refuse(join(world.directory, 'gone'), tools, this.clock)
    const host = { home: homedir(), path: process.env.PATH ?? '' }
    return { world, tools, spaces, open, refuse, covered, ...host, reaper: undefined }
  }

  private containerParts(container: Container): ContainerParts {
    const { program, sandboxId } = container.record
    return { node: this.parts, container, sandbox: this.sandbox(sandboxId), program }
  }

  private execPlan(id: ContainerId, command: readonly string[], options: { tty: boolean }) {
    return execPlan(this.containerParts(this.running(id, 'running')), command, { ...options, execId: newId() })
  }

  private onLauncher(event: LauncherEvent): void {
    const pause = this.pauses.get(event.id)
    if (pause && event.type === 'executing') {
      this.pauses.delete(event.id)
      pause(event.pid)
      return
    }
    const container = this.containers.get(event.id)
    if (event.type === 'began') container?.began(event.pid)
    else if (event.type === 'executing') container?.executing(event.pid)
    else void container?.endedWith(event.code)
  }

  /** Until here events of it were not for anybody: its files tell the same. */
  private async adopt(record: ContainerRecord): Promise<void> {
    const container = this.container(record)
    this.containers.set(record.id, container)
    await container.adopt()
  }

  private watch(): void {
    const look = (what: string, check: () => Promise<void>) =>
      void check().catch((error: Error) => this.say(`${what} cannot be looked at just now: ${error.message}`))
    this.checking = this.clock.setTimer(CHECK_INTERVAL_MS, () => {
      look('the launcher', () => this.launcher.check())
      for (const container of this.containers.values()) look('a container', () => container.check())
      this.watch()
    })
  }

  private container(record: ContainerRecord): Container {
    const { directory } = this.world
    const folders = { directory: join(directory, 'c', record.id), scratch: join(directory, 'fs', record.id) }
    return new Container(folders, record, {
      clock: this.clock,
      launcher: () => this.launcher,
      emit: (event) => {
        for (const listener of this.listeners) listener(event)
      },
      say: this.say,
    })
  }

  private containersOf(sandbox: SandboxId): Container[] {
    return [...this.containers.values()].filter((container) => container.record.sandboxId === sandbox)
  }

  private sandbox(id: SandboxId): Sandbox {
    const sandbox = this.sandboxes.get(id)
    if (!sandbox) throw new RuntimeError('not-found', `no sandbox ${id}`)
    return sandbox
  }

  private running(id: ContainerId, state: 'any' | 'running'): Container {
    const container = this.containers.get(id)
    if (!container) throw new RuntimeError('not-found', `no container ${id}`)
    if (state === 'running' && !container.running) throw execRefused(container.exited ? 'EXITED' : 'CREATED')
    return container
  }
}

function newId(): string {
  return randomBytes(32).toString('hex')
}

/** What pods here never get, whoever started ebb. */
const NEVER_ENFORCED: readonly SecurityFeature[] = [
  'privileged',
  'CAP_SYS_ADMIN',
  'procMount',
  'seccompProfile',
  'seLinuxOptions',
  'hostPID',
  'hostIPC',
  'sysctls',
]
const NEVER_SENTENCE =
  'No pod gets privileged, hostPID, hostIPC, sysctls, seccomp profiles, SELinux labels or an unmasked /proc, nor CAP_SYS_ADMIN: one that asks for them runs without, and an event says so.'
/** What needs bubblewrap. As root a plain program gets its user all the same. */
const NOT_IN_PLAIN: readonly SecurityFeature[] = [
  ...(process.getuid?.() === 0 ? [] : (['runAsUser'] as const)),
  'supplementalGroups',
  'readOnlyRootFilesystem',
  'capabilities',
  'allowPrivilegeEscalation',
  'hostUsers',
]

const NO_REAPER =
  'Neither perl nor python3 can be used here: a program that clears its environment and leaves its session outlives its pod.'

/** `many`: containers have users of their own. */
function degradedSentences(trouble: string | undefined, many: boolean): string[] {
  const sentences = ['CPU and memory limits of containers are not enforced.', NEVER_SENTENCE]
  if (!many)
    sentences.push(
      'Every container runs as the user who started ebb: runAsUser, runAsGroup and groups change how that user is called, at most.',
    )
  if (trouble !== undefined)
    sentences.push(
      `bubblewrap ${trouble}: containers have no PID namespace and no files of their own; volumes and terminationMessagePath are not mounted.`,
    )
  return sentences
}
