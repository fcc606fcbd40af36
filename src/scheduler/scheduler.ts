/**
 * Binds pods to nodes. Choosing is synchronous and sees every choice made before; binding goes on beside it, and a pod counts on
 * its node from the moment it is chosen. Thin: `cycle.ts` decides.
 */
import { conditionOf, transitionTime } from '../api/conditions.ts'
import { keyOf, splitKey } from '../api/object.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { ApiError } from '../api/status.ts'
import { rfc3339 } from '../api/time.ts'
import type { Node, Pod } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import type { ApiClient } from '../client/api-client.ts'
import { involved } from '../client/events.ts'
import type { Informer, Informers } from '../client/informer.ts'
import { nodes as nodeResource, pods as podResource } from '../client/resources.ts'
import { SeriesRecorder } from '../client/series-recorder.ts'
import { chooseNode, refusal } from './cycle.ts'
import { SchedulingQueue } from './queue.ts'
import { Snapshot } from './snapshot.ts'

const NAME = 'default-scheduler'
/** Bindings and status writes under way at once: the API server's share is for everybody. */
const WRITES_MAX = 100

export interface SchedulerStart {
  readonly client: ApiClient
  readonly informers: Informers
  readonly clock: Clock
  readonly random: Random
  readonly lifetime: Lifetime
  /** Told of bindings and status writes that failed; they are tried again. */
  readonly failed?: (pod: string, error: unknown) => void
}

/** Starts the scheduler; resolves when it works. It ends with `lifetime`. */
export async function startScheduler(start: SchedulerStart): Promise<void> {
  await new Scheduler({ ...start, lifetime: start.lifetime.child('scheduler') }).start()
}

class Scheduler {
  private readonly seams: SchedulerStart
  private readonly pods: Informer<Pod>
  private readonly nodes: Informer<Node>
  private readonly queue: SchedulingQueue
  private readonly snapshot = new Snapshot()
  /** Pods chosen for a node and not yet seen there, by key. */
  private readonly assumed = new Set<string>()
  private readonly recorder: SeriesRecorder
  private readonly binding = new Set<Promise<void>>()
  private started = false
  private pumping = false

  constructor(seams: SchedulerStart) {
    this.seams = seams
    const { clock, client, informers, lifetime } = seams
    this.pods = informers.informer(podResource)
    this.nodes = informers.informer(nodeResource)
    this.queue = new SchedulingQueue(clock)
    this.recorder = new SeriesRecorder({ client, clock, lifetime, controller: NAME, instance: NAME })
    lifetime.add('queue', async () => {
      this.queue.close()
      await Promise.all(this.binding)
    })
  }

  async start(): Promise<void> {
    this.nodes.on({
      add: (node) => this.nodeChanged(node),
      update: (node) => this.nodeChanged(node),
      delete: (node) => this.snapshot.removeNode(node),
    })
    this.pods.on({
      add: (pod) => this.podChanged(pod),
      update: (pod, old) => this.podChanged(pod, old),
      delete: (pod) => this.podGone(keyOf(pod)),
    })
    this.queue.available = () => this.pump()
    await Promise.all([this.pods.synced, this.nodes.synced])
    this.started = true
    this.pump()
  }

  private nodeChanged(node: Node): void {
    this.snapshot.setNode(node)
    this.wakeFor(node.metadata.name ?? '')
  }

  /**
   * Pods that fitted nowhere are tried again when a node that has changed takes them, or refuses them for another reason, so that
   * what they say of it stays true. Heartbeats wake nobody.
   */
  private wakeFor(nodeName: string): void {
    const info = this.snapshot.node(nodeName)
    if (!info) return
    this.queue.wake((key, refusals) => {
      const pod = this.pods.lister.get(key)
      return pod !== undefined && refusal(pod, info) !== refusals.get(nodeName)
    })
  }

  private podChanged(pod: Pod, old?: Pod): void {
    const key = keyOf(pod)
    const { nodeName } = pod.spec
    if (isTerminalPhase(pod.status?.phase)) this.podGone(key)
    else if (nodeName) {
      this.queue.remove(key)
      this.assumed.delete(key)
      this.snapshot.setPod(pod, nodeName)
    } else if (!isOurs(pod)) this.queue.remove(key)
    else if (!this.assumed.has(key) && !(old && isOurs(old) && sameDemand(pod, old)))
      this.queue.add(key, pod.spec.priority ?? 0)
  }

  private podGone(key: string): void {
    this.queue.remove(key)
    this.assumed.delete(key)
    const nodeName = this.snapshot.removePod(key)
    if (nodeName !== undefined) this.wakeFor(nodeName)
  }

  /** Schedules in a microtask what came in one go. */
  private pump(): void {
    if (!this.started || this.pumping) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      while (this.binding.size < WRITES_MAX) {
        const key = this.queue.take()
        if (key === undefined) return
        this.schedule(key)
      }
    })
  }

  private schedule(key: string): void {
    const pod = this.pods.lister.get(key)
    if (!pod || this.seams.lifetime.closed) {
      this.queue.remove(key)
      return
    }
    const choice = chooseNode(pod, this.snapshot.nodes(), this.seams.random)
    if ('node' in choice) {
      this.snapshot.setPod(pod, choice.node)
      this.assumed.add(key)
      this.track(this.bind(pod, choice.node))
      return
    }
    this.queue.park(key, choice.refusals)
    this.recorder.event(involved(podResource, pod), {
      type: 'Warning',
      reason: 'FailedScheduling',
      action: 'Scheduling',
      note: choice.message,
    })
    this.track(this.reportUnschedulable(pod, choice.message))
  }

  private track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => {
      this.binding.delete(tracked)
      this.pump()
    })
    this.binding.add(tracked)
  }

  private async bind(pod: Pod, node: string): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata
    const key = keyOf(pod)
    try {
      await this.seams.client.createSubresource(podResource, { namespace, name }, 'binding', {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace, name, uid },
        target: { kind: 'Node', name: node },
      })
    } catch (error) {
      this.seams.failed?.(key, error)
      if (!this.assumed.delete(key)) return
      this.snapshot.removePod(key)
      this.queue.retry(key)
      return
    }
    this.queue.remove(key)
    this.recorder.event(involved(podResource, pod), {
      type: 'Normal',
      reason: 'Scheduled',
      action: 'Binding',
      note: `Successfully assigned ${namespace}/${name} to ${node}`,
    })
  }

  private async reportUnschedulable(pod: Pod, message: string): Promise<void> {
    const old = conditionOf(pod.status, 'PodScheduled')
    if (old?.status === 'False' && old.reason === 'Unschedulable' && old.message === message) return
    const now = rfc3339(this.seams.clock.now())
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime: transitionTime(old, 'False', now),
    }
    try {
      const patch = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } }
      await this.seams.client.patch(podResource, splitKey(keyOf(pod)), patch, { subresource: 'status' })
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) this.seams.failed?.(keyOf(pod), error)
    }
  }
}

/** Waits for this scheduler: not on its way out, not gated, not another scheduler's. */
function isOurs({ metadata, spec }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    (spec.schedulerName ?? NAME) === NAME &&
    (spec.schedulingGates ?? []).length === 0
  )
}

/** A change of the status alone, such as the one we write ourselves, is no reason to try again. */
function sameDemand(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.uid === old.metadata.uid &&
    pod.metadata.generation === old.metadata.generation &&
    sameLabels(pod.metadata.labels, old.metadata.labels)
  )
}

type Pairs = Readonly<Record<string, string>>

function sameLabels(a: Pairs = {}, b: Pairs = {}): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
