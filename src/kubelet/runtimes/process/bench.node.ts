/** A process runtime in the world that a test finds: plain on this machine, or inside a fabric's namespaces. For tests. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../base/clock.node.ts'
import { type ContainerConfig, DEFAULT_SECURITY, type RuntimeEvent, type SandboxConfig } from '../../runtime.ts'
import { openProcessRuntime, type ProcessRuntime } from '../process.node.ts'
import { toolProgram } from './images.node.ts'
import { findMapping, type ImageProgram } from './images.ts'
import { killAll, lookForMark } from './proc.node.ts'
import { FABRIC_VARIABLE, type NodeWorld, worldFromEnvironment } from './world.ts'

/** The world that this process was started into, by a fabric. */
export const inherited = worldFromEnvironment(process.env)

export class Bench {
  readonly form: 'bwrap' | 'plain'
  readonly directory = mkdtempSync(join(tmpdir(), 'ebb-process-'))
  readonly world: NodeWorld
  readonly events: RuntimeEvent[] = []
  /** Lines for the node's log. */
  readonly said: string[] = []
  runtime!: ProcessRuntime
  programs: ImageProgram[] = []
  private containers = 0

  constructor(form: 'bwrap' | 'plain') {
    this.form = form
    chmodSync(this.directory, 0o755)
    const plain: NodeWorld = {
      mode: 'plain',
      fabricId: `test-${process.pid}-${Math.random()}`,
      nodeName: 'node',
      nodeIndex: 0,
      nodeIP: '127.0.0.1',
      podCIDR: '10.244.0.0/24',
      directory: join(this.directory, 'node'),
      degraded: [],
    }
    this.world = inherited ? { ...inherited, directory: plain.directory, fabricId: plain.fabricId } : plain
  }

  async open(): Promise<void> {
    const { world, form } = this
    const findProgram = (reference: string) => findMapping(this.programs, reference) ?? toolProgram(reference)
    const log = (text: string) => void this.said.push(text)
    this.runtime = await openProcessRuntime({ world, clock: systemClock, findProgram, form, log })
    this.runtime.subscribe((event) => this.events.push(event))
  }

  /** Leaves nothing, also when the test failed in the middle or nothing was ever opened. */
  async close(): Promise<void> {
    try {
      for (const sandbox of (await this.runtime?.listSandboxes()) ?? []) await this.runtime.removeSandbox(sandbox.id)
      await this.runtime?.close()
    } finally {
      await killAll(() => lookForMark(`${FABRIC_VARIABLE}=${this.world.fabricId}`))
      rmSync(this.directory, { recursive: true, force: true })
    }
  }

  sandbox(more: Partial<SandboxConfig> = {}) {
    return this.runtime.runSandbox({
      namespace: 'default',
      name: 'web-1',
      uid: 'b5b6a1c2-0000-4000-8000-000000000001',
      attempt: 0,
      hostname: 'web-1',
      hostsNames: ['web-1'],
      labels: {},
      shareProcessNamespace: false,
      hostNetwork: false,
      dns: { servers: [], searches: [], options: [] },
      hostAliases: [],
      logDirectory: join(this.directory, 'logs'),
      ...more,
    })
  }

  async create(sandbox: string, command: readonly string[], more: Partial<ContainerConfig> = {}) {
    const name = `c${this.containers++}`
    const id = await this.runtime.createContainer(sandbox, {
      name,
      attempt: 0,
      image: 'busybox',
      command,
      args: [],
      workingDir: '',
      env: [],
      tty: false,
      stdin: false,
      logPath: `${name}.log`,
      terminationMessagePath: '/dev/termination-log',
      mounts: [],
      security: DEFAULT_SECURITY,
      annotations: {},
      ...more,
    })
    return { id, log: join(this.directory, 'logs', `${name}.log`) }
  }

  async run(command: readonly string[], more: Partial<ContainerConfig> = {}, pod: Partial<SandboxConfig> = {}) {
    const sandbox = await this.sandbox(pod)
    const container = await this.create(sandbox.id, command, more)
    await this.runtime.startContainer(container.id)
    return { ...container, sandbox }
  }

  exited(id: string): Promise<void> {
    return this.seen((event) => event.type === 'exited' && event.container.id === id)
  }

  seen(match: (event: RuntimeEvent) => boolean): Promise<void> {
    if (this.events.some(match)) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = this.runtime.subscribe((event) => {
        if (!match(event)) return
        stop()
        resolve()
      })
    })
  }
}

/** Lines of a log without their times: `stdout F hello`. */
export function lines(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(line.indexOf(' ') + 1))
}

/** Looks every few milliseconds until `what` holds; the test's own limit ends it otherwise. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5))
}
