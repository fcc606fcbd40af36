/** Removes pods that no kubelet will finish: of nodes gone or out of service, ending without a node, and too many that are over. */
import { keyOf } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Pod, PodCondition } from '../../api/types/core-v1.gen.ts'
import { after } from '../../client/controller.ts'
import { nodes as nodeResource, pods as podResource } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { isTerminal } from '../pod-state.ts'
import { deleteQuietly, patchStatusQuietly } from '../quietly.ts'
import { isOutOfService, planPodGc } from './plan.ts'

const INTERVAL_MS = 20_000
/** How long a node must have been missing: its object may only be on its way. */
const QUARANTINE_MS = 40_000
const TERMINATED_PODS_MAX = 12_500
const KEY = 'pods'

export async function startPodGc(context: ControllerContext): Promise<void> {
  const { client, clock, informers } = context
  const pods = informers.informer(podResource)
  const nodes = informers.informer(nodeResource)
  const missingSince = new Map<string, number>()

  async function goneNodes(): Promise<ReadonlySet<string>> {
    const now = clock.monotonic()
    const seen = new Set<string>()
    for (const pod of pods.lister.values()) {
      const name = pod.spec.nodeName
      if (!name || nodes.lister.get(name)) continue
      seen.add(name)
      if (!missingSince.has(name)) missingSince.set(name, now)
    }
    const gone = new Set<string>()
    for (const [name, since] of missingSince) {
      if (!seen.has(name)) missingSince.delete(name)
      else if (now - since >= QUARANTINE_MS && !(await client.find(nodeResource, { name }))) gone.add(name)
    }
    return gone
  }

  const controller = newController(context, 'pod-garbage-collector', async () => {
    const outOfService = new Set([...nodes.lister.values()].filter(isOutOfService).map(keyOf))
    const { terminated, orphaned, unscheduled, abandoned } = planPodGc({
      pods: pods.lister.values(),
      terminatedThreshold: TERMINATED_PODS_MAX,
      goneNodes: await goneNodes(),
      outOfService,
    })
    for (const pod of orphaned) {
      await markFailed(context, pod, [nodeGone(rfc3339(clock.now()))])
      await remove(context, pod)
    }
    for (const pod of [...unscheduled, ...abandoned]) {
      await markFailed(context, pod)
      await remove(context, pod)
    }
    for (const pod of terminated) await remove(context, pod)
    return after(INTERVAL_MS)
  })
  controller.enqueue(KEY)
  await controller.start(pods.synced, nodes.synced)
}

/** A pod that did not end by itself is Failed. */
async function markFailed(
  { client }: ControllerContext,
  pod: Pod,
  conditions?: readonly PodCondition[],
): Promise<void> {
  if (isTerminal(pod)) return
  await patchStatusQuietly(client, podResource, pod, { phase: 'Failed', ...(conditions ? { conditions } : {}) })
}

function nodeGone(now: string): PodCondition {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: now,
  }
}

async function remove({ client }: ControllerContext, pod: Pod): Promise<void> {
  const { uid = '' } = pod.metadata
  try {
    await deleteQuietly(client, podResource, pod, { gracePeriodSeconds: 0, preconditions: { uid } })
  } catch (error) {
    // Another pod has the name by now.
    if (!isApiError(error, 'Conflict')) throw error
  }
}
