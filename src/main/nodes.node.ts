/**
 * The node processes of this cluster: started into the fabric, started again when they crash (their containers live on and are
 * adopted), ended at the end: gracefully first, at once when asked twice.
 */
import { join } from 'node:path'
import { type Fabric, type NodeProcess, spawnNode } from './fabric.node.ts'
import { NODE_CONFIG_VARIABLE, type NodeConfig } from './node-config.ts'

/** A crashed node process comes back after this long, doubling up to the maximum, in ms. */
const RESTART_MS = 200
const RESTART_MAX_MS = 10_000
/** A run longer than this, in ms, was no crash loop. */
const STABLE_MS = 10_000

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
}

export async function startNodes(options: NodesOptions): Promise<Nodes> {
  const slots = new Map<string, Slot>(
    options.names.map((name, index) => [
      name,
      { name, index, process: undefined, launched: Promise.resolve(), wanted: true, delayMs: RESTART_MS },
    ]),
  )
  const directory = (slot: Slot) => join(options.fabric.runDirectory, `node-${slot.index}`)
  const slotOf = (name: string): Slot => {
    const slot = slots.get(name)
    if (!slot) throw new Error(`there is no node ${name} here; there is ${[...slots.keys()].join(', ')}`)
    return slot
  }
  await Promise.all([...slots.values()].map((slot) => launch(options, slot, directory(slot))))
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
      await Promise.all([...slots.values()].map((slot) => end(slot, 'SIGTERM')))
    },
  }
}

/** Resolves when the slot has no process, also when one was only being launched. */
async function end(slot: Slot, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  slot.wanted = false
  await slot.launched
  slot.process?.kill(signal)
  await slot.process?.exited
}

function launch(options: NodesOptions, slot: Slot, directory: string): Promise<void> {
  const launched = launchProcess(options, slot, directory)
  slot.launched = launched.catch(() => {})
  return launched
}

async function launchProcess(options: NodesOptions, slot: Slot, directory: string): Promise<void> {
  const started = performance.now()
  const node = await spawnNode({
    fabric: options.fabric,
    name: slot.name,
    index: slot.index,
    argv: [process.execPath, '--max-semi-space-size=4', options.program],
    env: { ...process.env, [NODE_CONFIG_VARIABLE]: JSON.stringify(options.config(slot.name, directory)) },
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
  void node.exited.then(({ code, signal }) => {
    if (!slot.wanted) return
    const ranMs = performance.now() - started
    slot.delayMs = ranMs > STABLE_MS ? RESTART_MS : Math.min(slot.delayMs * 2, RESTART_MAX_MS)
    options.log(`${slot.name}: the node process ended (${signal ?? code}); it starts again in ${slot.delayMs} ms`)
    setTimeout(() => {
      if (slot.wanted)
        void launch(options, slot, directory).catch((error: Error) => options.log(`${slot.name}: ${error.message}`))
    }, slot.delayMs)
  })
}
