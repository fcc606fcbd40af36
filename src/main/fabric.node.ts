/**
 * The fabric: the small world that the nodes of one ebb live in. One holder process, made by `unshare`, owns a network
 * namespace with the lab network's bridge, a mount and a PID namespace (as an ordinary user also a user namespace); each node
 * has a network namespace on that bridge. Containers outlive a crash of their node process; nothing outlives the fabric, which
 * ends when ebb does: its pipe ends, then PID 1 of the namespace, then everything.
 *
 *   const fabric = await startFabric({ runDirectory })
 *   const node = await spawnNode({ fabric, name: 'ebb-1', index: 0, argv: [process.execPath, 'dist/node.mjs'], env: {} })
 *   fabric.setLink(0, 'down')     // a partition
 *   await fabric.stop()
 *
 * No interface and no firewall rule of the host is touched. Where namespaces are not to be had, `mode` is 'plain': nodes are
 * plain processes, and a watchdog kills whatever carries the fabric's mark in its environment.
 */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { launch } from '../base/child.node.ts'
import { killAll, lookForMark } from '../kubelet/runtimes/process/proc.node.ts'
import {
  FABRIC_VARIABLE,
  NODES_MAX,
  type NodeWorld,
  nodeAddress,
  podNetwork,
  WORLD_VARIABLE,
} from '../kubelet/runtimes/process/world.ts'
import { FABRIC_SCRIPT, WATCHDOG_SCRIPT } from './fabric-script.ts'
import { nothingElse } from './inherited.node.ts'

/** How long the holder may take until its namespaces stand, in ms; after that the fabric is plain. */
const HOLDER_START_MAX_MS = 10_000
/** A holder that is not gone this long after its pipe ended, in ms, is killed: it stands stopped, or hangs. It takes a few ms. */
const HOLDER_END_MAX_MS = 5_000
/** A node process that is not in its namespaces yet is looked for again after this long, in ms. */
const ENTERING_RETRY_MS = 5

export interface FabricOptions {
  /** Existing directory for sockets and state. The fabric removes it at its end, however that comes about. */
  readonly runDirectory: string
  /** Other paths that must stay visible inside when they lie below /run (sockets, programs). */
  readonly keep?: readonly string[]
  /** 'plain' takes no namespaces even where they could be had. */
  readonly mode?: 'namespaces' | 'plain'
}

export interface Fabric {
  readonly mode: 'namespaces' | 'plain'
  readonly id: string
  readonly runDirectory: string
  /** Sentences for people; empty when nothing is degraded. */
  readonly degraded: readonly string[]
  /** As the host sees it, PID 1 of the fabric's PID namespace; undefined when plain. */
  readonly initPid: number | undefined
  /** Resolves when the fabric is over, by `stop` or by accident. */
  readonly ended: Promise<void>
  addNode(name: string, index: number): Promise<NodeWorld>
  /** Cuts a node off the lab network, or joins it again. Throws when plain. */
  setLink(index: number, state: 'up' | 'down'): Promise<void>
  /** Kills everything inside, removes the run directory, resolves when nothing is left. Idempotent. */
  stop(): Promise<void>
}

export interface NodeProcess {
  readonly world: NodeWorld
  /** Its stdout and stderr are pipes; read them, or let them flow with `.resume()`. */
  readonly child: ChildProcess
  /** Resolves when the node process has ended; its containers may live on. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /**
   * Signals the node process itself; one that is only entering its namespaces gets the signal as soon as it stands in them.
   * False when it is gone.
   */
  kill(signal: NodeJS.Signals): boolean
}

/** Never rejects for want of namespaces: the reason is then in `degraded`, and `mode` is 'plain'. */
export async function startFabric(options: FabricOptions): Promise<Fabric> {
  const id = randomBytes(8).toString('hex')
  const missing = options.mode === 'plain' ? 'no namespaces were asked for' : whyNoNamespaces()
  if (missing === undefined) {
    const holder = await startHolder(options, id)
    if (typeof holder !== 'string') return holder
    return startPlain(options, id, holder)
  }
  return startPlain(options, id, missing)
}

/** Starts `argv` as the node's process: inside the node's namespaces, as their root, in a session of its own. */
export async function spawnNode(options: {
  fabric: Fabric
  name: string
  index: number
  argv: readonly string[]
  env: Readonly<Record<string, string | undefined>>
}): Promise<NodeProcess> {
  const { fabric, name, index, argv } = options
  const world = await fabric.addNode(name, index)
  const PATH = pathWithSbin(options.env.PATH)
  const env = { ...options.env, PATH, [WORLD_VARIABLE]: JSON.stringify(world), [FABRIC_VARIABLE]: fabric.id }
  const entered = fabric.initPid === undefined ? [...argv] : [...enter(fabric.initPid, name), ...argv]
  const child = launch(entered[0] as string, entered.slice(1), {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...nothingElse()],
  })
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: 127, signal: null }))
  })
  const kill = (signal: NodeJS.Signals): boolean => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false
    const target = fabric.initPid === undefined ? child.pid : onlyChild(child.pid)
    if (target !== undefined) return tryKill(target, signal)
    // nsenter has not forked yet, or has just reaped: a signal to itself would be no signal to the node.
    setTimeout(() => kill(signal), ENTERING_RETRY_MS)
    return true
  }
  return { world, child, exited, kill }
}

/** Why a fabric with namespaces cannot be had, as a sentence; undefined when nothing speaks against trying. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} has no namespaces`
  for (const [program, pack] of [
    ['unshare', 'util-linux'],
    ['nsenter', 'util-linux'],
    ['mount', 'mount'],
    ['ip', 'iproute2'],
  ] as const) {
    if (!onPath(program)) return `the program ${program} is missing (Debian package ${pack})`
  }
  if (process.getuid?.() === 0) return undefined
  for (const [file, bad, text] of [
    ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'kernel.unprivileged_userns_clone is 0'],
    ['/proc/sys/user/max_user_namespaces', '0', 'user.max_user_namespaces is 0'],
  ] as const) {
    if (readIfThere(file)?.trim() === bad) return `ordinary users may not make user namespaces here (${text})`
  }
  return undefined
}

/** What the kernel's refusal means, as far as is known. */
function explain(trouble: string): string {
  if (/Operation not permitted|Permission denied/.test(trouble))
    return `the kernel refuses them here (${trouble}); in a container, start it with --privileged; on Ubuntu, set kernel.apparmor_restrict_unprivileged_userns=0`
  if (/No space left on device/.test(trouble))
    return `no more user namespaces are allowed here (${trouble}); look at user.max_user_namespaces`
  return `they could not be made: ${trouble}`
}

function enter(initPid: number, node: string): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials']
  const net = `--net=/proc/${initPid}/root/run/netns/node-${node}`
  return ['nsenter', '--target', String(initPid), ...user, '--mount', '--pid', net, '--']
}

async function startHolder(options: FabricOptions, id: string): Promise<Fabric | string> {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const flags = [...user, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const runDirectory = realpathSync(options.runDirectory)
  const entries = runEntries([runDirectory, ...(options.keep ?? [])])
  const script = scriptFile(runDirectory, 'ebb-fabric.sh', FABRIC_SCRIPT)
  const child = launch('unshare', [...flags, '/bin/sh', script, runDirectory, ...entries], {
    env: { PATH: pathWithSbin(), [FABRIC_VARIABLE]: id },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', ...nothingElse()],
  })
  const line = new LineConversation(child)
  const first = await line.next(HOLDER_START_MAX_MS)
  if (first !== 'ready') {
    child.kill('SIGKILL')
    await line.ended
    return explain(line.errorText() || first || 'unshare ended at once')
  }
  const initPid = onlyChild(child.pid as number)
  if (initPid === undefined) return 'the fabric ended while it was starting'
  return holderFabric({ id, child, line, initPid, runDirectory })
}

function holderFabric(parts: {
  id: string
  child: ChildProcess
  line: LineConversation
  initPid: number
  runDirectory: string
}): Fabric {
  const { id, line, initPid, runDirectory } = parts
  const known = new Set<number>()
  const ask = async (command: string) => {
    const answer = await line.ask(command)
    if (!answer.startsWith('ok ')) throw new Error(`fabric: ${command}: ${line.errorText() || answer}`)
  }
  return {
    mode: 'namespaces',
    id,
    runDirectory,
    degraded: [],
    initPid,
    ended: line.ended,
    async addNode(name, index) {
      const world = nodeWorld({ mode: 'namespaces', id, runDirectory }, name, index)
      if (!known.has(index)) {
        known.add(index)
        await ask(`node ${index} ${name} ${world.nodeIP} ${world.podCIDR}`)
      }
      return world
    },
    setLink: (index, state) => ask(`link ${index} ${state}`),
    async stop() {
      await endHolder(parts.child, line)
      // Its own PID 1 has done this, unless it was killed.
      rmSync(runDirectory, { recursive: true, force: true })
    },
  }
}

async function startPlain(options: FabricOptions, id: string, reason: string): Promise<Fabric> {
  const runDirectory = realpathSync(options.runDirectory)
  const degraded = [
    `This node has no namespaces of its own (${reason}): pods are plain processes in the host's network, each should listen on the port in its PORT variable, and programs see each other.`,
  ]
  const mark = `${FABRIC_VARIABLE}=${id}`
  const script = scriptFile(runDirectory, 'ebb-watchdog.sh', WATCHDOG_SCRIPT)
  const child = launch('/bin/sh', [script, runDirectory, mark], {
    env: { PATH: pathWithSbin() },
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', ...nothingElse()],
  })
  const line = new LineConversation(child)
  await line.next(HOLDER_START_MAX_MS)
  return {
    mode: 'plain',
    id,
    runDirectory,
    degraded,
    initPid: undefined,
    ended: line.ended,
    addNode: async (name, index) => ({ ...nodeWorld({ mode: 'plain', id, runDirectory }, name, index), degraded }),
    setLink: async () => {
      throw new Error('without network namespaces a node cannot be cut off')
    },
    async stop() {
      await endHolder(child, line)
      // The watchdog has done this, unless it was killed.
      await killAll(() => lookForMark(mark))
      rmSync(runDirectory, { recursive: true, force: true })
    },
  }
}

/** Ends the pipe, on which everything else follows. The kernel ends what is in the namespaces when the holder is killed. */
async function endHolder(child: ChildProcess, line: LineConversation): Promise<void> {
  child.stdin?.destroy()
  const timer = setTimeout(() => child.kill('SIGKILL'), HOLDER_END_MAX_MS)
  await line.ended
  clearTimeout(timer)
}

function nodeWorld(
  fabric: { mode: 'namespaces' | 'plain'; id: string; runDirectory: string },
  name: string,
  index: number,
): NodeWorld {
  if (index < 0 || index >= NODES_MAX) throw new Error(`a fabric holds at most ${NODES_MAX} nodes`)
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) throw new Error(`not a node name: ${name}`)
  const directory = join(fabric.runDirectory, `node-${index}`)
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  return {
    mode: fabric.mode,
    fabricId: fabric.id,
    nodeName: name,
    nodeIndex: index,
    nodeIP: fabric.mode === 'plain' ? '127.0.0.1' : nodeAddress(index),
    podCIDR: podNetwork(index).cidr,
    directory: fabric.mode === 'plain' ? directory : `/run/ebb-node-${index}`,
    degraded: [],
  }
}

/** One question, one line of answer, in order; `ended` when the process is gone. */
class LineConversation {
  readonly ended: Promise<void>
  private readonly child: ChildProcess
  private readonly waiting: ((line: string) => void)[] = []
  private readonly lines: string[] = []
  private errors = ''
  private over = false

  constructor(child: ChildProcess) {
    this.child = child
    child.stdin?.on('error', () => {})
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-2000)
    })
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.take(line))
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.over = true
        for (const waiter of this.waiting.splice(0)) waiter('')
        resolve()
      }
      child.once('close', end)
      child.once('error', (error) => {
        this.errors += error.message
        end()
      })
    })
  }

  private take(line: string): void {
    const waiter = this.waiting.shift()
    if (waiter) waiter(line)
    else this.lines.push(line)
  }

  /** The next line; '' when the process ended or `timeoutMs` passed. */
  next(timeoutMs: number): Promise<string> {
    const line = this.lines.shift()
    if (line !== undefined || this.over) return Promise.resolve(line ?? '')
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(''), timeoutMs)
      this.waiting.push((line) => {
        clearTimeout(timer)
        resolve(line)
      })
    })
  }

  ask(command: string): Promise<string> {
    this.errors = ''
    const answer = this.next(HOLDER_START_MAX_MS)
    this.child.stdin?.write(`${command}\n`)
    return answer
  }

  errorText(): string {
    return this.errors.trim().replace(/\s*\n\s*/g, '; ')
  }
}

/** Top-level names of /run under which one of `paths` lies. */
function runEntries(paths: readonly string[]): string[] {
  const names = paths.map((path) => /^\/run\/([^/]+)/.exec(path)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))]
}

/** A file rather than `sh -c TEXT`, so that process listings stay readable. */
function scriptFile(directory: string, name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function onlyChild(pid: number): number | undefined {
  const text = readIfThere(`/proc/${pid}/task/${pid}/children`)?.trim()
  return text ? Number(text.split(' ')[0]) : undefined
}

function tryKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Debian keeps `ip` and `nft` in /usr/sbin, which is not on an ordinary user's PATH. */
function pathWithSbin(path = process.env.PATH ?? ''): string {
  const parts = path.split(delimiter).filter((part) => part !== '')
  for (const extra of ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'])
    if (!parts.includes(extra)) parts.push(extra)
  return parts.join(delimiter)
}

function onPath(program: string): boolean {
  return pathWithSbin()
    .split(delimiter)
    .some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
