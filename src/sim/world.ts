/**
 * A whole cluster in one process and in virtual time: the production API server, controllers, scheduler, kubelets and proxies over the
 * memory journal and the direct transport; only time, chance and the programs in the pods are simulated.
 *
 *   const world = await startWorld({ seed: 1, drain, programs: { 'app:1': stubborn } })
 *   await world.client.create(pods, pod)
 *   await world.until(() => world.pod('default/p')?.status?.phase === 'Running')
 *   await world.close()
 */
import type { EbbTraceEvent, EbbTracer } from '../api/trace-steps.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { Lifetime } from '../base/lifetime.ts'
import { type Random, SeededRandom } from '../base/random.ts'
import { tracer } from '../base/trace.ts'
import type { ApiClient } from '../client/api-client.ts'
import { Recorder } from '../client/events.ts'
import { type Informer, Informers } from '../client/informer.ts'
import { pods } from '../client/resources.ts'
import { startControllers } from '../controllers/index.ts'
import { Kubelet } from '../kubelet/kubelet.ts'
import { startNodeStatus } from '../kubelet/node-status.ts'
import type { ContainerConfig } from '../kubelet/runtime.ts'
import { type SimProgram, SimulatedRuntime } from '../kubelet/runtimes/simulated.ts'
import { ServiceProxy } from '../proxy/proxy.ts'
import { startScheduler } from '../scheduler/scheduler.ts'
import { MemoryFiles } from './memory-files.ts'
import { SimClock } from './sim-clock.ts'
import { simProber } from './sim-prober.ts'
import { SimDataplane } from './sim-services.ts'
import { startTestApi, type TestApi } from './test-api.ts'

export interface WorldOptions {
  readonly seed: number
  /** See SimClock. */
  readonly drain: () => Promise<void>
  /** Program by image; a function gets the attempt (restart count). */
  readonly programs: Readonly<Record<string, SimProgram | ((attempt: number) => SimProgram)>>
  /** Names of the nodes; default one, `node-1`. */
  readonly nodes?: readonly string[]
  /** Told of failures that are tried again. */
  failed?(what: string, error: unknown): void
}

export interface World {
  readonly clock: SimClock
  readonly client: ApiClient
  readonly trace: readonly EbbTraceEvent[]
  readonly nodes: ReadonlyMap<string, SimNode>
  /** A pod as the API has it now, by `namespace/name`. */
  pod(key: string): Pod | undefined
  /** All pods seen until now, in the order of their changes: what a watch saw. */
  readonly changes: readonly PodChange[]
  /** Lets virtual time pass until the predicate holds; throws when it does not within `withinMs` (default 10 min). */
  until(predicate: () => boolean, withinMs?: number): Promise<void>
  /** Lets virtual time pass. */
  advance(ms: number): Promise<void>
  through<T>(promise: Promise<T>, withinMs?: number): Promise<T>
  close(): Promise<void>
}

interface PodChange {
  /** Virtual ms since the world began. */
  readonly atMs: number
  readonly type: 'added' | 'changed' | 'deleted'
  readonly pod: Pod
}

/** Resolves when all parts work and the nodes are registered. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const world = new SimWorld(options)
  await world.through(world.begin(), 60_000)
  return world
}

class SimWorld implements World {
  readonly clock: SimClock
  readonly trace: EbbTraceEvent[] = []
  readonly nodes = new Map<string, SimNode>()
  readonly changes: PodChange[] = []
  client!: ApiClient
  private readonly options: WorldOptions
  private readonly random: SeededRandom
  private readonly lifetime = new Lifetime('world')
  private readonly beganMs: number
  private known!: Informer<Pod>

  constructor(options: WorldOptions) {
    this.options = options
    this.clock = new SimClock({ drain: options.drain })
    this.random = new SeededRandom(options.seed)
    this.beganMs = this.clock.now()
  }

  async begin(): Promise<void> {
    const { clock, random, lifetime } = this
    const api = await startTestApi({ clock, random: random.fork('api'), tracer: this.tracer('apiserver') })
    lifetime.add('api', () => api.close())
    this.client = api.client
    const control = api.clientOf('system:admin', ['system:masters'])
    const informers = new Informers({ client: control, clock, random: random.fork('informers'), lifetime })
    this.known = informers.informer(pods)
    const note = (type: PodChange['type']) => (pod: Pod) => {
      this.changes.push({ atMs: clock.now() - this.beganMs, type, pod })
    }
    this.known.on({ add: note('added'), update: note('changed'), delete: note('deleted') })
    const seams = { client: control, informers, clock, lifetime }
    await startControllers({
      ...seams,
      random: random.fork('controllers'),
      tracer: this.tracer('controllers'),
      options: { rootCaPem: 'simulated' },
    })
    await startScheduler({ ...seams, random: random.fork('scheduler') })
    const names = this.options.nodes ?? ['node-1']
    for (const [index, name] of names.entries()) {
      const node = new SimNode(name, index, {
        ...this.options,
        api,
        clock,
        random: random.fork(name),
        lifetime,
        trace: this.tracer('kubelet'),
        proxyTrace: this.tracer('kube-proxy'),
      })
      this.nodes.set(name, node)
      await node.start()
    }
  }

  pod(key: string): Pod | undefined {
    return this.known.lister.get(key)
  }

  async until(predicate: () => boolean, withinMs = 600_000): Promise<void> {
    if (!(await this.clock.runUntil(predicate, withinMs)))
      throw new Error(`nothing came of it in ${withinMs} ms of virtual time`)
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }

  /** Lets virtual time pass until a promise is settled. */
  async through<T>(promise: Promise<T>, withinMs = 600_000): Promise<T> {
    let settled = false
    const note = () => {
      settled = true
    }
    promise.then(note, note)
    await this.until(() => settled, withinMs)
    return promise
  }

  async close(): Promise<void> {
    await this.through(this.lifetime.close())
  }

  private tracer(component: string): EbbTracer {
    return tracer(this.clock, component, (event: EbbTraceEvent) => void this.trace.push(event))
  }
}

interface SimNodeSeams extends Pick<WorldOptions, 'programs' | 'failed'> {
  readonly api: TestApi
  readonly clock: SimClock
  readonly random: Random
  readonly lifetime: Lifetime
  readonly trace: EbbTracer
  readonly proxyTrace: EbbTracer
}

/** A machine with its containers, and the node process that comes and goes on it. */
class SimNode {
  readonly name: string
  readonly runtime: SimulatedRuntime
  readonly dataplane: SimDataplane
  private readonly seams: SimNodeSeams
  private readonly hostIP: string
  private life: Lifetime
  private kubelet: Kubelet | undefined

  constructor(name: string, index: number, seams: SimNodeSeams) {
    this.name = name
    this.seams = seams
    this.hostIP = `192.168.0.${index + 2}`
    this.life = seams.lifetime.child(name)
    const { clock, random, programs } = seams
    const program = (image: string, config?: ContainerConfig) => {
      const found = programs[image]
      return typeof found === 'function' ? found(config?.attempt ?? 0) : found
    }
    this.runtime = new SimulatedRuntime({
      clock,
      random: random.fork('runtime'),
      addressPrefix: `10.244.${index}.`,
      program,
    })
    const podCIDR = `10.244.${index}.0/24`
    this.dataplane = new SimDataplane(clock, { serviceCIDR: '10.96.0.0/16', clusterCIDR: '10.244.0.0/16', podCIDR })
  }

  /** Resolves when the node is registered and its kubelet follows the API. */
  async start(): Promise<void> {
    const { api, clock, random, trace, proxyTrace, failed } = this.seams
    const { name, life, runtime } = this
    const client = api.clientOf(`system:node:${name}`, ['system:nodes'])
    const recorder = new Recorder({ client, clock, lifetime: life, component: 'kubelet', host: name })
    const informers = new Informers({ client, clock, random: random.fork('informers'), lifetime: life })
    const node = { ...DESCRIPTION, name, hostIP: this.hostIP }
    const common = { client, clock, recorder, lifetime: life, node, ...(failed ? { failed } : {}) }
    await startNodeStatus(common)
    const files = new MemoryFiles()
    const kubelet = new Kubelet({
      ...common,
      nodeName: name,
      runtime,
      informers,
      trace,
      prober: simProber(runtime, clock),
      files: () => files,
      directory: '/ebb',
      dns: { servers: [], clusterDomain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
    })
    this.kubelet = kubelet
    await kubelet.start()
    const proxyClient = api.clientOf('system:kube-proxy', [])
    const proxy = new ServiceProxy({
      informers: new Informers({ ...common, client: proxyClient, random: random.fork('proxy informers') }),
      dataplane: this.dataplane,
      clock,
      trace: proxyTrace,
      lifetime: life,
      nodeName: name,
    })
    await proxy.start()
  }

  /** Ends the node's process, not its pods. */
  async crash(): Promise<void> {
    this.runtime.forgetStops()
    await this.life.close()
  }

  /** Ends the pods, as a node that goes down does; the process stays. */
  async shutDown(): Promise<void> {
    await this.kubelet?.shutDown()
  }

  /** Starts the process again: it adopts what runs. */
  restart(): Promise<void> {
    this.life = this.seams.lifetime.child(this.name)
    return this.start()
  }
}

const DESCRIPTION = {
  labels: { 'kubernetes.io/os': 'linux' },
  capacity: { cpu: '4', memory: '8Gi', pods: '110' },
  allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  kubeletPort: 10250,
  degraded: [],
  nodeInfo: {
    architecture: 'amd64',
    bootID: '',
    containerRuntimeVersion: 'simulated://1',
    kernelVersion: '',
    kubeProxyVersion: '',
    kubeletVersion: 'v1.36.2',
    machineID: '',
    operatingSystem: 'linux',
    osImage: 'simulated',
    systemUUID: '',
  },
}
