/**
 * The node's own object: registered at the start, alive by its Lease in kube-node-lease every 10 s, its status looked at every
 * 10 s, written when somebody has put something else there and every 5 min (Kubernetes: "Nodes", heartbeats; KEP-589). While the
 * API server does not answer it tries again and again; pods are not touched by that.
 */
import { DEGRADED_ANNOTATION } from '../api/annotations.ts'
import { conditionOf, isConditionTrue, transitionTime } from '../api/conditions.ts'
import { isApiError } from '../api/status.ts'
import { rfc3339, rfc3339Micro } from '../api/time.ts'
import type { Node, NodeCondition } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { EventRecorder } from '../client/events.ts'
import { leases, nodes } from '../client/resources.ts'

const LEASE_NAMESPACE = 'kube-node-lease'
const LEASE_SECONDS = 40
const RENEW_MS = 10_000
/** The status is looked at this often; what the node lifecycle controller wrote while no heartbeat came does not stay. */
const LOOK_MS = 10_000
/** And written this often when nothing has changed. */
const REPORT_MS = 300_000
const RETRY_MS = 1_000

/** What a node is and has; the machine's facts come from `node-facts.node.ts`. */
export interface NodeDescription {
  readonly name: string
  readonly hostIP: string
  readonly labels: Readonly<Record<string, string>>
  readonly capacity: Readonly<Record<string, string>>
  readonly allocatable: Readonly<Record<string, string>>
  readonly podCIDR?: string
  readonly nodeInfo: NonNullable<NonNullable<Node['status']>['nodeInfo']>
  /** Port of the kubelet's server, as Kubernetes shows it; ebb's is reached by a socket. */
  readonly kubeletPort: number
  /** Sentences about what is degraded. */
  readonly degraded: readonly string[]
}

export interface NodeStatusOptions {
  readonly client: ApiClient
  readonly clock: Clock
  readonly lifetime: Lifetime
  readonly recorder: EventRecorder
  readonly node: NodeDescription
  failed?(what: string, error: unknown): void
}

/** Resolves when the node is registered and Ready in the API. Heartbeats go on until the lifetime ends. */
export async function startNodeStatus(options: NodeStatusOptions): Promise<void> {
  const { lifetime, client, clock, recorder, node } = options
  const { signal } = lifetime
  const uid = await untilDone(options, 'registering the node', () => register(options))
  if (uid === undefined) return
  const about = { apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.name }
  recorder.event(about, 'Normal', 'Starting', 'Starting kubelet.')
  for (const sentence of node.degraded) recorder.event(about, 'Warning', 'Degraded', sentence)
  await untilDone(options, 'the node lease', () => renew(options, uid))
  let reportedMs = Number.NEGATIVE_INFINITY
  const report = async () => {
    const known = await client.find(nodes, { name: node.name })
    // A Node that was deleted comes back with the next start of the node's process, as in Kubernetes.
    if (!known || (isTrue(known) && clock.monotonic() < reportedMs + REPORT_MS)) return
    await writeStatus(options, known)
    reportedMs = clock.monotonic()
    if (!isReady(known)) recorder.event(about, 'Normal', 'NodeReady', `Node ${node.name} status is now: NodeReady`)
  }
  await untilDone(options, 'the node status', report)
  const loop = async (everyMs: number, what: string, run: () => Promise<unknown>) => {
    while (!signal.aborted) {
      await sleep(clock, everyMs, signal)
      if (!signal.aborted) await untilDone(options, what, run)
    }
  }
  void loop(RENEW_MS, 'the node lease', () => renew(options, uid))
  void loop(LOOK_MS, 'the node status', report)
}

/** Again each second until it succeeds; undefined when the lifetime ended first. */
async function untilDone<T>({ lifetime, clock, failed }: NodeStatusOptions, what: string, run: () => Promise<T>) {
  while (!lifetime.closed) {
    try {
      return await run()
    } catch (error) {
      failed?.(what, error)
      await sleep(clock, RETRY_MS, lifetime.signal)
    }
  }
  return undefined
}

/** Makes the Node, or brings the labels of the one that is there up to date. Resolves to its uid. */
async function register({ client, node }: NodeStatusOptions): Promise<string> {
  const annotations = {
    'node.alpha.kubernetes.io/ttl': '0',
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    ...(node.degraded.length > 0 ? { [DEGRADED_ANNOTATION]: node.degraded.join(' ') } : {}),
  }
  const known = await client.find(nodes, { name: node.name })
  if (known) {
    const noDegraded = node.degraded.length > 0 ? {} : { [DEGRADED_ANNOTATION]: null }
    const metadata = { labels: node.labels, annotations: { ...annotations, ...noDegraded } }
    return (await client.patch(nodes, { name: node.name }, { metadata })).metadata.uid ?? ''
  }
  const podCIDR = node.podCIDR ? { podCIDR: node.podCIDR, podCIDRs: [node.podCIDR] } : {}
  const metadata = { name: node.name, labels: node.labels, annotations }
  try {
    return (await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata, spec: podCIDR })).metadata.uid ?? ''
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return (await client.get(nodes, { name: node.name })).metadata.uid ?? ''
    throw error
  }
}

async function renew({ client, clock, node }: NodeStatusOptions, uid: string): Promise<void> {
  const ref = { namespace: LEASE_NAMESPACE, name: node.name }
  const spec = {
    holderIdentity: node.name,
    leaseDurationSeconds: LEASE_SECONDS,
    renewTime: rfc3339Micro(clock.now()),
  }
  const known = await client.find(leases, ref)
  if (known) {
    await client.update(leases, { ...known, spec: { ...known.spec, ...spec } })
    return
  }
  const owner = { apiVersion: 'v1', kind: 'Node', name: node.name, uid }
  const metadata = { ...ref, ownerReferences: [owner] }
  await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec })
}

async function writeStatus({ client, clock, node }: NodeStatusOptions, known: Node): Promise<void> {
  const now = rfc3339(clock.now())
  const status = {
    capacity: node.capacity,
    allocatable: node.allocatable,
    conditions: conditionsOf(known, now),
    addresses: [
      { type: 'InternalIP', address: node.hostIP },
      { type: 'Hostname', address: node.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: node.kubeletPort } },
    nodeInfo: node.nodeInfo,
  }
  await client.patch(nodes, { name: node.name }, { status }, { subresource: 'status' })
}

const GOOD: readonly (readonly [type: string, status: string, reason: string, message: string])[] = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
]

const isReady = ({ status }: Node): boolean => isConditionTrue(status, 'Ready')

/** Whether the conditions say what this process would say. */
function isTrue(known: Node): boolean {
  return GOOD.every(([type, status, reason, message]) => {
    const condition = conditionOf(known.status, type)
    return condition?.status === status && condition.reason === reason && condition.message === message
  })
}

function conditionsOf(known: Node, now: string): NodeCondition[] {
  return GOOD.map(([type, status, reason, message]) => {
    const old = conditionOf(known.status, type)
    const lastTransitionTime = transitionTime(old, status, now)
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message }
  })
}
