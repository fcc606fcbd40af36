/** Removes pods that no kubelet will finish: of nodes that are gone, ending without a node, and too many that are over. */
import { isApiError } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { after } from '../../client/controller.ts'
import { nodes as nodeResource, pods as podResource } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { isTerminal } from '../pod-state.ts'
import { deleteQuietly, patchStatusQuietly } from '../quietly.ts'
import { planPodGc } from './plan.ts'

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
    const state = { pods: pods.lister.values(), terminatedThreshold: TERMINATED_PODS_MAX, goneNodes: await goneNodes() }
    const { terminated, orphaned, unscheduled } = planPodGc(state)
    for (const pod of orphaned) {
      await markLost(context, pod)
      await remove(context, pod)
    }
    for (const pod of [...terminated, ...unscheduled]) await remove(context, pod)
    return after(INTERVAL_MS)
  })
  controller.enqueue(KEY)
  await controller.start(pods.synced, nodes.synced)
}

/** A pod that did not end by itself is Failed, and says why. */
async function markLost({ client, clock }: ControllerContext, pod: Pod): Promise<void> {
  if (isTerminal(pod)) return
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: rfc3339(clock.now()),
  }
  await patchStatusQuietly(client, podResource, pod, { phase: 'Failed', conditions: [condition] })
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
