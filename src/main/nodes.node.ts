/**
 * The node processes of this cluster: started into the fabric, started again when they crash (their containers live on and are
 * adopted), ended at the end: gracefully first, at once when asked twice.
 */
import { join } from 'node:path'
import { childrenOf, killAll, lookForMark, processStat, sendSignal } from '../kubelet/runtimes/process/proc.node.ts'
import { type Fabric, type NodeProcess, spawnNode } from './fabric.node.ts'
import { NODE_CONFIG_VARIABLE, type NodeConfig } from './node-config.ts'

/** A crashed node process comes back after this long, doubling up to the maximum, in ms. */
const RESTART_MS = 200
const RESTART_MAX_MS = 10_000
/** A run longer than this, in ms, was no crash loop. */
const STABLE_MS = 10_000
/** How often it is looked whether what leads into a node's namespaces still stands stopped, in ms. */
const STOPPED_LOOK_MS = 1_000

export interface NodesOptions {
  readonly fabric: Fabric
  readonly names: readonly string[]
  /** Path of the node's program. */
  readonly program: string
  config(name: string, directory: string): NodeConfig
  /** What a node process says on stdout and stderr, line by line. */
  log(line: string): void
}

export interface Nodes {
  /** Socket of a node's kubelet server. */
  kubeletSocket(name: string): string | undefined
  relaySocket(name: string): string | undefined
  /** Ends the node's process without its pods and leaves it so, or starts it again. */
  process(name: string, action: 'stop' | 'start'): Promise<void>
  /** Asks every node to end its pods and itself; resolves when their processes are gone. */
  end(): Promise<void>
}

interface Slot {
  readonly name: string
  readonly index: number
  process: NodeProcess | undefined
  /** Settles when the launch under way, or the last one, has a process or has failed. */
  launched: Promise<void>
  wanted: boolean
  delayMs: number
  /** `NAME=value` in the environment of the node process of the last launch, and of no other. */
  mark: string | undefined
}

export async function startNodes(options: NodesOptions): Promise<Nodes> {
  const slots = new Map<string, Slot>(
    options.names.map((name, index) => [
      name,
      {
        ...{ name, index, process: undefined, launched: Promise.resolve(), wanted: true },
        ...{ delayMs: RESTART_MS, mark: undefined },
      },
    ]),
  )
  const directory = (slot: Slot) => join(options.fabric.runDirectory, `node-${slot.index}`)
  const slotOf = (name: string): Slot => {
    const slot = slots.get(name)
    if (!slot) throw new Error(`there is no node ${name} here; there is ${[...slots.keys()].join(', ')}`)
    return slot
  }
  // Nothing starts in a fabric that is over: it is said, and ebb ends.
  void options.fabric.ended.then(() => {
    for (const slot of slots.values()) slot.wanted = false
  })
  await Promise.all([...slots.values()].map((slot) => launch(options, slot, directory(slot))))
  const looking = setInterval(() => {
    if (options.fabric.initPid !== undefined) for (const slot of slots.values()) wakeEntrance(slot)
  }, STOPPED_LOOK_MS).unref()
  return {
    kubeletSocket: (name) => (slots.has(name) ? join(directory(slotOf(name)), 'kubelet.sock') : undefined),
    relaySocket: (name) => (slots.has(name) ? join(directory(slotOf(name)), 'relay.sock') : undefined),
    async process(name, action) {
      const slot = slotOf(name)
      if (action === 'start') {
        if (slot.wanted) return
        slot.wanted = true
        return launch(options, slot, directory(slot))
      }
      await end(slot, 'SIGKILL')
    },
    async end() {
      clearInterval(looking)
      await Promise.all([...slots.values()].map((slot) => end(slot, 'SIGTERM')))
    },
  }
}

/** Resolves when the slot has no process, also when one was only being launched. */
async function end(slot: Slot, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  slot.wanted = false
  await slot.launched
  slot.process?.kill(signal)
  // What is stopped hears nothing, and what waits for it neither.
  slot.process?.kill('SIGCONT')
  const entrance = entranceOf(slot)
  if (entrance !== undefined) sendSignal(entrance, 'SIGCONT')
  await slot.process?.exited
}

/**
 * nsenter stops itself when the node process is stopped, and goes on only when it is told to itself. Whoever continues the node
 * process alone would leave it standing: its end would not be noticed.
 */
function wakeEntrance(slot: Slot): void {
  const pid = entranceOf(slot)
  if (pid === undefined || processStat(pid)?.state !== 'T') return
  if (childrenOf(pid).every((child) => processStat(child)?.state !== 'T')) sendSignal(pid, 'SIGCONT')
}

/** The process that ebb itself started for the node, while it runs. */
function entranceOf({ process: node }: Slot): number | undefined {
  if (!node || node.child.exitCode !== null || node.child.signalCode !== null) return undefined
  return node.child.pid
}

function launch(options: NodesOptions, slot: Slot, directory: string): Promise<void> {
  const launched = launchProcess(options, slot, directory)
  slot.launched = launched.catch(() => {})
  return launched
}

async function launchProcess(options: NodesOptions, slot: Slot, directory: string): Promise<void> {
  const started = performance.now()
  const config = JSON.stringify(options.config(slot.name, directory))
  slot.mark = `${NODE_CONFIG_VARIABLE}=${config}`
  const node = await spawnNode({
    fabric: options.fabric,
    name: slot.name,
    index: slot.index,
    argv: [process.execPath, '--max-semi-space-size=4', options.program],
    env: { ...process.env, [NODE_CONFIG_VARIABLE]: config },
  })
  slot.process = node
  for (const stream of [node.child.stdout, node.child.stderr]) {
    let tail = ''
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (tail + text).split('\n')
      tail = lines.pop() ?? ''
      for (const line of lines) options.log(`${slot.name}: ${line}`)
    })
  }
  void node.exited.then(async ({ code, signal }) => {
    if (!slot.wanted) return
    await endLeftover(slot)
    const ranMs = performance.now() - started
    if (ranMs > STABLE_MS) slot.delayMs = RESTART_MS
    launchLater(options, slot, directory, `the node process ended (${signal ?? code})`)
  })
}

/**
 * What ended was perhaps only nsenter, killed above a node process that lives on: two of them would fight for sockets, rules and
 * pods. Its containers stay.
 */
async function endLeftover({ mark }: Slot): Promise<void> {
  if (mark !== undefined) await killAll(() => lookForMark(mark))
}

function launchLater(options: NodesOptions, slot: Slot, directory: string, why: string): void {
  if (!slot.wanted) return
  const delayMs = slot.delayMs
  slot.delayMs = Math.min(delayMs * 2, RESTART_MAX_MS)
  options.log(`${slot.name}: ${why}; it starts again in ${delayMs} ms`)
  setTimeout(() => {
    if (!slot.wanted) return
    void launch(options, slot, directory).catch((error: Error) =>
      launchLater(options, slot, directory, `the node process cannot be started: ${error.message}`),
    )
  }, delayMs)
}
