/**
 * Watches over nodes: one whose heartbeats stop (Lease or status) becomes Ready=Unknown, is tainted, and its pods are Ready=False;
 * pods that do not tolerate a NoExecute taint, or not for longer, are deleted. Thin: `plan.ts` decides.
 */
import { conditionOf } from '../../api/conditions.ts'
import { keyOf } from '../../api/object.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Lease } from '../../api/types/coordination-v1.gen.ts'
import type { Node, Pod } from '../../api/types/core-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { involved, type Recorder } from '../../client/events.ts'
import type { Informer } from '../../client/informer.ts'
import { leases as leaseResource, nodes as nodeResource, pods as podResource } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { isReady, isTerminal } from '../pod-state.ts'
import { deleteQuietly, patchStatusQuietly } from '../quietly.ts'
import { evictionTime, readyStatus, silentConditions, wantedTaints } from './plan.ts'

/** nodeMonitorGracePeriod of Kubernetes 1.36. */
const SILENCE_MAX_MS = 50_000
const LEASE_NAMESPACE = 'kube-node-lease'
const ON_NODE = 'node'

export async function startNodeLifecycle(context: ControllerContext): Promise<void> {
  await new NodeLifecycleController(context).start()
}

class NodeLifecycleController {
  private readonly context: ControllerContext
  private readonly nodes: Informer<Node>
  private readonly leases: Informer<Lease>
  private readonly pods: Informer<Pod>
  private readonly recorder: Recorder
  private readonly evictor: Recorder
  private readonly controller: Controller
  /** When each node was last heard of by our own clock, whatever the times in its messages; monotonic ms. */
  private readonly heard = new Map<string, number>()
  /** Uids of pods whose time on a tainted node is running out. */
  private readonly leaving = new Set<string>()

  constructor(context: ControllerContext) {
    this.context = context
    this.nodes = context.informers.informer(nodeResource)
    this.leases = context.informers.informer(leaseResource)
    this.pods = context.informers.informer(podResource)
    this.recorder = newRecorder(context, 'node-controller')
    this.evictor = newRecorder(context, 'taint-eviction-controller')
    this.controller = newController(context, 'node-lifecycle', (key) => this.reconcile(key))
  }

  async start(): Promise<void> {
    this.pods.lister.addIndex(ON_NODE, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []))
    this.nodes.on({
      add: (node) => this.registered(node),
      update: (node, old) => {
        if (heartbeat(node) !== heartbeat(old) && readyStatus(node) !== 'Unknown') this.hear(keyOf(node))
        if (readyStatus(node) === readyStatus(old)) this.controller.enqueue(keyOf(node))
        else this.enqueueAll()
      },
      delete: (node) => {
        this.heard.delete(keyOf(node))
        this.tell(node, 'RemovingNode', `Removing Node ${keyOf(node)} from Controller`)
        this.enqueueAll()
      },
    })
    const renewed = (lease: Lease) => {
      if (lease.metadata.namespace === LEASE_NAMESPACE) this.hear(lease.metadata.name ?? '')
    }
    this.leases.on({ add: renewed, update: renewed })
    const onNode = ({ spec }: Pod) => {
      const node = spec.nodeName && this.nodes.lister.get(spec.nodeName)
      if (node && (node.spec?.taints ?? []).length > 0) this.controller.enqueue(keyOf(node))
    }
    this.pods.on({
      add: onNode,
      update: (pod, old) => {
        const moved = old.spec.nodeName !== pod.spec.nodeName
        // Its tolerations may be others.
        if (moved || old.metadata.generation !== pod.metadata.generation) onNode(pod)
      },
      delete: ({ metadata }) => this.leaving.delete(metadata.uid ?? ''),
    })
    await this.controller.start(this.nodes.synced, this.leases.synced, this.pods.synced)
  }

  /** Whether one node is ready decides for all whether pods are driven away. */
  private enqueueAll(): void {
    for (const node of this.nodes.lister.values()) this.controller.enqueue(keyOf(node))
  }

  private registered(node: Node): void {
    const name = keyOf(node)
    this.hear(name)
    this.controller.enqueue(name)
    this.tell(node, 'RegisteredNode', `Registered Node ${name} in Controller`)
  }

  private tell(node: Node, reason: string, what: string): void {
    const message = `Node ${keyOf(node)} event: ${what}`
    this.recorder.event(involved(nodeResource, node), 'Normal', reason, message)
  }

  private hear(name: string): void {
    this.heard.set(name, this.context.clock.monotonic())
  }

  private async reconcile(name: string): Promise<Outcome> {
    const node = this.nodes.lister.get(name)
    if (!node) return done
    const silentIn = (this.heard.get(name) ?? 0) + SILENCE_MAX_MS - this.context.clock.monotonic()
    if (silentIn <= 0 && readyStatus(node) !== 'Unknown') {
      await this.declareSilent(node)
      return done // its update brings it back here
    }
    await this.taint(node)
    const pods = this.pods.lister.by(ON_NODE, name)
    if (readyStatus(node) === 'Unknown' || readyStatus(node) === 'False') await this.markNotReady(pods)
    const evictIn = await this.evict(node, pods)
    return after(Math.min(silentIn > 0 ? silentIn : SILENCE_MAX_MS, evictIn ?? SILENCE_MAX_MS))
  }

  private async declareSilent(node: Node): Promise<void> {
    const name = keyOf(node)
    const conditions = silentConditions(node, rfc3339(this.context.clock.now()))
    await this.context.client.updateStatus(nodeResource, { ...node, status: { ...node.status, conditions } })
    // Otherwise it was not ready before, and whoever found that said so.
    if (readyStatus(node) !== 'True') return
    const message = `Node ${name} status is now: NodeNotReady`
    this.recorder.event(involved(nodeResource, node), 'Normal', 'NodeNotReady', message)
  }

  private async taint(node: Node): Promise<void> {
    const expels = [...this.nodes.lister.values()].some((each) => readyStatus(each) === 'True')
    const taints = wantedTaints(node, { now: rfc3339(this.context.clock.now()), expels })
    if (!taints) return
    const { taints: _, ...spec } = node.spec ?? {}
    await this.context.client.update(nodeResource, { ...node, spec: taints.length > 0 ? { ...spec, taints } : spec })
  }

  /** What runs on a lost node cannot be relied upon: its pods leave their Services. */
  private async markNotReady(pods: readonly Pod[]): Promise<void> {
    const now = rfc3339(this.context.clock.now())
    for (const pod of pods) {
      if (!isReady(pod)) continue
      const condition = { type: 'Ready', status: 'False', lastTransitionTime: now }
      await patchStatusQuietly(this.context.client, podResource, pod, { conditions: [condition] })
      this.recorder.event(involved(podResource, pod), 'Warning', 'NodeNotReady', 'Node is not ready')
    }
  }

  /** Deletes the pods whose time on a tainted node is over; in how many ms the next one's is. */
  private async evict(node: Node, pods: readonly Pod[]): Promise<number | undefined> {
    const now = this.context.clock.now()
    let next: number | undefined
    for (const pod of pods) {
      const uid = pod.metadata.uid ?? ''
      if (pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) continue
      const due = evictionTime(pod, node.spec?.taints ?? [], now)
      if (due === undefined) {
        if (this.leaving.delete(uid)) this.tellOfEviction(pod, 'Cancelling deletion of Pod')
      } else if (due > now) {
        this.leaving.add(uid)
        next = Math.min(next ?? Number.POSITIVE_INFINITY, due - now)
      } else await this.evictPod(pod, rfc3339(now))
    }
    return next
  }

  private tellOfEviction(pod: Pod, what: string): void {
    this.evictor.event(involved(podResource, pod), 'Normal', 'TaintManagerEviction', `${what} ${keyOf(pod)}`)
  }

  private async evictPod(pod: Pod, now: string): Promise<void> {
    const { uid = '' } = pod.metadata
    this.tellOfEviction(pod, 'Marking for deletion Pod')
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: now,
    }
    await patchStatusQuietly(this.context.client, podResource, pod, { conditions: [condition] })
    await deleteQuietly(this.context.client, podResource, pod, { preconditions: { uid } })
  }
}

function heartbeat(node: Node): string | undefined {
  return conditionOf(node.status, 'Ready')?.lastHeartbeatTime
}
