/**
 * The node's process: kubelet, proxy and relays in the world that the fabric made. A crash leaves its containers running, and the
 * next process adopts them; SIGTERM ends the pods gracefully, a second one leaves at once.
 */
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EbbTraceEvent, Step } from '../api/trace-steps.ts'
import { systemClock } from '../base/clock.node.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { type TraceSink, tracer } from '../base/trace.ts'
import { ApiClient } from '../client/api-client.ts'
import { httpTransport } from '../client/http.node.ts'
import { Informers } from '../client/informer.ts'
import { startKubeletNode } from '../kubelet/node.node.ts'
import { programsOf } from '../kubelet/runtimes/process/images.node.ts'
import { worldFromEnvironment } from '../kubelet/runtimes/process/world.ts'
import { openProcessRuntime } from '../kubelet/runtimes/process.node.ts'
import { closeInherited } from './inherited.node.ts'
import { NODE_CONFIG_VARIABLE, type NodeConfig } from './node-config.ts'
import { startNetwork } from './node-network.node.ts'

/** Trace events gather this long, in ms, before they are sent together. */
const TRACE_BATCH_MS = 5
/** Events waiting to be sent; more are dropped, which the reader of a trace sees as a gap. */
const TRACE_WAITING_MAX = 10_000

/** Said where containers have files of their own, and the node may make no mounts for them. */
const NO_MOUNTS = 'emptyDir volumes of medium Memory are folders on disk.'

closeInherited()
setMaxListeners(0)
// What cannot be said is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
const world = worldFromEnvironment(process.env)
const configText = process.env[NODE_CONFIG_VARIABLE]
if (!world || !configText) {
  process.stderr.write('ebb: this program is started by "ebb up", not by hand\n')
  process.exit(2)
}
const config = JSON.parse(configText) as NodeConfig
const log = (text: string) => void process.stderr.write(`${text}\n`)
const random = new SeededRandom(randomBytes(4).readUInt32LE())
const life = new Lifetime(`node ${world.nodeName}`)

const transport = await httpTransport({ socketPath: config.apiSocket, token: config.token })
const kubeletClient = new ApiClient(transport, { userAgent: 'kubelet' })
const sink = traceUplink(kubeletClient)
const trace = (component: string) => tracer<Step>(systemClock, component, sink)
const informersOf = (client: ApiClient, name: string) =>
  new Informers({ client, clock: systemClock, random: random.fork(name), lifetime: life })
const informers = informersOf(kubeletClient, 'informers')
// The proxy sees what no node may see, and may do nothing: it has a name of its own.
const proxyTransport = await httpTransport({ socketPath: config.apiSocket, token: config.proxyToken })
const proxyInformers = informersOf(new ApiClient(proxyTransport, { userAgent: 'kube-proxy' }), 'proxy informers')

const runtime = await openProcessRuntime({
  world,
  clock: systemClock,
  covered: config.covered,
  findProgram: programsOf(config.imagesFile, fileURLToPath(new URL('./echo.mjs', import.meta.url))),
  log,
})
life.add('runtime', () => runtime.close())
const degraded = await startNetwork({
  world,
  config,
  informers: proxyInformers,
  random: random.fork('proxy'),
  trace: trace('kube-proxy'),
  lifetime: life.child('network'),
  log,
})
const directory = join(world.directory, 'kubelet')
mkdirSync(directory, { recursive: true })
const node = await startKubeletNode({
  nodeName: world.nodeName,
  hostIP: world.nodeIP,
  podCIDR: world.podCIDR,
  directory,
  // The fabric's /run is in memory and its own: mounts end with it, and nothing is removed through one.
  ...(world.mode === 'namespaces' ? { mountDirectory: `/run/ebb-volumes/${world.nodeName}` } : {}),
  covered: config.covered,
  socketPath: config.kubeletSocket,
  runtime,
  client: kubeletClient,
  informers,
  trace: trace('kubelet'),
  lifetime: life.child('kubelet'),
  degraded: world.mode === 'plain' && runtime.form === 'bwrap' ? [...degraded, NO_MOUNTS] : degraded,
  log,
})

let asked = 0
process.on('SIGTERM', () => {
  asked++
  if (asked > 1) process.exit(1)
  void end()
})
// Ctrl-C reaches the whole foreground group; ebb itself decides what it means.
process.on('SIGINT', () => {})

async function end(): Promise<void> {
  try {
    await node.shutDown()
    await life.close()
  } catch (error) {
    log(`ending: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    await Promise.all([transport.close(), proxyTransport.close()])
    process.exit(0)
  }
}

/** Sends trace events to the control plane in small batches; losing some must never hold up what they tell of. */
function traceUplink(client: ApiClient): TraceSink<Step> {
  let waiting: EbbTraceEvent[] = []
  let sending = false
  const send = async (): Promise<void> => {
    const batch = waiting
    waiting = []
    await client.call('POST', '/ebb/v1/trace', batch).catch(() => {})
    sending = false
    if (waiting.length > 0) schedule()
  }
  const schedule = () => {
    sending = true
    setTimeout(() => void send(), TRACE_BATCH_MS)
  }
  return (event) => {
    if (waiting.length >= TRACE_WAITING_MAX) return
    waiting.push(event)
    if (!sending) schedule()
  }
}
