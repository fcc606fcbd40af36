/**
 * The control plane for tests of controllers and scheduler: real API server over the memory store, all controllers, the
 * scheduler, and a stand-in for the kubelet that starts pods in `startMs` and ends them in `endMs`, by writing what a kubelet
 * writes. Everything in virtual time.
 */
import { rfc3339, rfc3339Micro } from '../api/time.ts'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import type { Node, Pod } from '../api/types/core-v1.gen.ts'
import { sleep } from '../base/clock.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { tracer } from '../base/trace.ts'
import { ApiClient } from '../client/api-client.ts'
import { Informers } from '../client/informer.ts'
import { leases, nodes, pods } from '../client/resources.ts'
import { startControllers } from '../controllers/index.ts'
import { startScheduler } from '../scheduler/scheduler.ts'
import { type Faults, FlakyTransport } from './flaky-transport.ts'
import { SimClock } from './sim-clock.ts'
import { startTestApi } from './test-api.ts'

export interface TestCluster {
  /** The tests' own, without faults. */
  readonly client: ApiClient
  readonly clock: SimClock
  readonly traced: EbbTraceEvent[]
  /** Failures that controllers reported, as sentences. */
  readonly failures: string[]
  /** Ends the faults. */
  heal(): void
  close(): Promise<void>
}

export interface TestClusterOptions {
  /** See SimClock. */
  readonly drain: () => Promise<void>
  /** What the controllers' and the scheduler's connection suffers. */
  readonly faults?: Faults
  readonly seed?: number
  readonly nodes?: readonly string[]
  /** The nodes that renew their Leases; default all. */
  readonly heartbeats?: readonly string[]
  /** From a pod's binding to Ready=True; default 500. */
  readonly startMs?: number
  /** From its deletionTimestamp to its terminal phase; default 2000. Gone 500 later. */
  readonly endMs?: number
}

export async function startTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  const clock = new SimClock({ drain: options.drain })
  const random = new SeededRandom(options.seed ?? 1)
  const api = await startTestApi({ clock, random: random.fork('api') })
  const lifetime = new Lifetime('test cluster')
  const { faults } = options
  const flaky = faults && new FlakyTransport(api.client.transport, { clock, random: random.fork('faults'), faults })
  const client = flaky ? new ApiClient(flaky, { userAgent: 'controllers' }) : api.client
  const informers = new Informers({ client, clock, random: random.fork('informers'), lifetime })
  const traced: EbbTraceEvent[] = []
  const failures: string[] = []
  const controllers = startControllers({
    client,
    informers,
    clock,
    random: random.fork('controllers'),
    tracer: tracer(clock, 'controllers', (event) => traced.push(event)),
    lifetime,
    options: {
      rootCaPem: 'CA',
      apiServer: { address: '10.0.0.1', port: 6443 },
      failed: ({ controller, key, error }) => failures.push(`${controller} ${key}: ${(error as Error).message}`),
    },
  })
  const scheduler = startScheduler({
    client,
    informers,
    clock,
    random: random.fork('scheduler'),
    lifetime,
    failed: (pod, error) => failures.push(`scheduler ${pod}: ${(error as Error).message}`),
  })
  let ready = false
  void Promise.all([controllers, scheduler]).then(() => {
    ready = true
  })
  await clock.runUntil(() => ready)
  const own = new Informers({ client: api.client, clock, random: random.fork('own'), lifetime })
  runPods({ client: api.client, clock, informers: own, lifetime, options })
  const names = options.nodes ?? ['node-1']
  heartbeat(options.heartbeats ?? names, { client: api.client, clock, lifetime })
  for (const name of names) await api.client.create(nodes, readyNode(name, rfc3339(clock.now())))
  await clock.advance(0)
  return {
    client: api.client,
    clock,
    traced,
    failures,
    heal() {
      if (flaky) flaky.faults = undefined
    },
    async close() {
      const closing = lifetime.close()
      await clock.advance(60_000)
      await closing
      await api.close()
    },
  }
}

export function readyNode(name: string, now: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now }],
    },
  }
}

/** Renews the Leases of nodes every 10 s. */
function heartbeat(
  names: readonly string[],
  { client, clock, lifetime }: Omit<PodRunner, 'informers' | 'options'>,
): void {
  if (lifetime.closed) return
  for (const name of names) {
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: rfc3339Micro(clock.now()) }
    const metadata = { name, namespace: 'kube-node-lease' }
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
    void client.patch(leases, metadata, { spec }, { type: 'merge' }).catch(() => client.create(leases, lease))
  }
  clock.setTimer(10_000, () => heartbeat(names, { client, clock, lifetime }))
}

interface PodRunner {
  readonly client: ApiClient
  readonly clock: SimClock
  readonly informers: Informers
  readonly lifetime: Lifetime
  readonly options: TestClusterOptions
}

/** Starts and ends pods bound to a node. */
function runPods({ client, clock, informers, lifetime, options }: PodRunner): void {
  const { startMs = 500, endMs = 2000 } = options
  const seen = new Map<string, 'started' | 'ending'>()
  let addresses = 1
  const refOf = ({ metadata }: Pod) => ({ namespace: metadata.namespace ?? '', name: metadata.name ?? '' })
  const write = (pod: Pod, status: object) =>
    client.patch(pods, refOf(pod), { status }, { subresource: 'status' }).catch(() => undefined)
  const start = async (pod: Pod) => {
    await sleep(clock, startMs)
    if (lifetime.closed || seen.get(pod.metadata.uid ?? '') !== 'started') return
    const number = addresses++
    const ip = `10.1.${number >> 8}.${number & 255}`
    await write(pod, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [ready('True')] })
  }
  const end = async (pod: Pod) => {
    await sleep(clock, endMs)
    if (lifetime.closed) return
    await write(pod, { phase: 'Succeeded', conditions: [ready('False')] })
    await sleep(clock, 500)
    const preconditions = { uid: pod.metadata.uid ?? '' }
    await client.delete(pods, refOf(pod), { gracePeriodSeconds: 0, preconditions }).catch(() => undefined)
  }
  const ready = (status: string) => ({ type: 'Ready', status, lastTransitionTime: rfc3339(clock.now()) })
  const changed = (pod: Pod) => {
    const uid = pod.metadata.uid ?? ''
    if (!pod.spec.nodeName) return
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (seen.get(uid) !== 'ending') void end(pod)
      seen.set(uid, 'ending')
    } else if (!seen.has(uid)) {
      seen.set(uid, 'started')
      void start(pod)
    }
  }
  informers.informer(pods).on({ add: changed, update: changed })
}
