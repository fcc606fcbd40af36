/**
 * Rolls Deployments: makes a ReplicaSet for each template and shifts replicas from the old ones to the new one within the
 * strategy's bounds. Thin: `plan.ts` and `status.ts` decide, this reads, writes and records.
 */
import { conditionOf } from '../../api/conditions.ts'
import { keyOf } from '../../api/object.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { after, type Controller, done, type Outcome } from '../../client/controller.ts'
import { involved, type Recorder } from '../../client/events.ts'
import type { Informer } from '../../client/informer.ts'
import { deployments as deploymentResource, pods as podResource, replicaSets } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { isEmptySelector, selectorMatches } from '../label-match.ts'
import { claim, controllerOf } from '../ownership.ts'
import { deleteQuietly } from '../quietly.ts'
import { isRolling, replicasOf } from './bounds.ts'
import { NewSetMaker } from './new-set.ts'
import {
  isScalingEvent,
  newSetReplicas,
  planCleanup,
  planRecreate,
  planRolling,
  planScaling,
  type Scale,
  type Sets,
} from './plan.ts'
import { byRevision, findNewSet, sameAnnotations, scaleAnnotations } from './revision.ts'
import {
  type Condition,
  countStatus,
  deadlineOf,
  hasDeadline,
  isComplete,
  rolloutStatus,
  sameStatus,
  withCondition,
} from './status.ts'

const ORPHANS = 'orphans'
/** Past the deadline by this much the condition is looked at, as times in objects have a resolution of 1 s. */
const DEADLINE_SLACK_MS = 1000

export async function startDeployment(context: ControllerContext): Promise<void> {
  await new DeploymentController(context).start()
}

class DeploymentController {
  private readonly context: ControllerContext
  private readonly deployments: Informer<Deployment>
  private readonly sets: Informer<ReplicaSet>
  private readonly pods: Informer<Pod>
  private readonly recorder: Recorder
  private readonly controller: Controller
  private readonly maker: NewSetMaker

  constructor(context: ControllerContext) {
    this.context = context
    this.deployments = context.informers.informer(deploymentResource)
    this.sets = context.informers.informer(replicaSets)
    this.pods = context.informers.informer(podResource)
    this.recorder = newRecorder(context, 'deployment-controller')
    this.controller = newController(context, 'deployment', (key) => this.reconcile(key))
    this.maker = new NewSetMaker(context, this.recorder)
  }

  async start(): Promise<void> {
    this.sets.lister.addIndex(ORPHANS, (set) => (controllerOf(set) ? [] : [set.metadata.namespace ?? '']))
    const enqueue = (deployment: Deployment) => this.controller.enqueue(keyOf(deployment))
    this.deployments.on({ add: enqueue, update: enqueue, delete: enqueue })
    this.sets.on({
      add: (set) => this.setChanged(set),
      update: (set, old) => {
        if (controllerOf(old)?.uid !== controllerOf(set)?.uid) this.setChanged(old)
        this.setChanged(set)
      },
      delete: (set) => this.setChanged(set),
    })
    this.pods.on({ delete: (pod) => this.podGone(pod) })
    await this.controller.start(this.deployments.synced, this.sets.synced, this.pods.synced)
  }

  private setChanged(set: ReplicaSet): void {
    const reference = controllerOf(set)
    const namespace = set.metadata.namespace ?? ''
    if (reference) {
      if (reference.kind === 'Deployment') this.controller.enqueue(`${namespace}/${reference.name}`)
      return
    }
    for (const deployment of this.deployments.lister.inNamespace(namespace))
      if (selectorMatches(deployment.spec.selector, set.metadata.labels)) this.controller.enqueue(keyOf(deployment))
  }

  /** Recreate waits for the end of the last old pod. */
  private podGone(pod: Pod): void {
    const reference = controllerOf(pod)
    if (reference?.kind !== 'ReplicaSet') return
    const set = this.sets.lister.get(`${pod.metadata.namespace ?? ''}/${reference.name}`)
    if (set) this.setChanged(set)
  }

  private async reconcile(key: string): Promise<Outcome> {
    const deployment = this.deployments.lister.get(key)
    if (!deployment) return done
    if (isEmptySelector(deployment.spec.selector)) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.'
      this.recorder.event(involved(deploymentResource, deployment), 'Warning', 'SelectingAll', message)
      return done
    }
    const sets = this.split(deployment, await this.claimSets(deployment))
    if (deployment.metadata.deletionTimestamp !== undefined) return this.syncStatus(deployment, sets)
    const paused = this.pausedCondition(deployment)
    if (paused) {
      await this.writeCondition(deployment, paused)
      return done
    }
    if (deployment.spec.paused || isScalingEvent(deployment, sets)) return this.syncScale(deployment, sets)
    return isRolling(deployment.spec) ? this.syncRolling(deployment, sets) : this.syncRecreate(deployment, sets)
  }

  private claimSets(deployment: Deployment): Promise<ReplicaSet[]> {
    const { lister } = this.sets
    const own = lister.ownedBy(deployment.metadata.uid ?? '')
    const orphans = lister.by(ORPHANS, deployment.metadata.namespace ?? '')
    return claim(
      {
        client: this.context.client,
        owner: deployment,
        ownerResource: deploymentResource,
        resource: replicaSets,
        matches: (set) => selectorMatches(deployment.spec.selector, set.metadata.labels),
      },
      [...own, ...orphans],
    )
  }

  private split(deployment: Deployment, owned: readonly ReplicaSet[]): Sets {
    const newSet = findNewSet(deployment, owned)
    return { newSet, oldSets: owned.filter((set) => set !== newSet) }
  }

  /** The condition that says that the Deployment was just paused or resumed; so that waiting does not run into the deadline. */
  private pausedCondition(deployment: Deployment): Condition | undefined {
    const present = conditionOf(deployment.status, 'Progressing')
    if (!hasDeadline(deployment) || present?.reason === 'ProgressDeadlineExceeded') return undefined
    const isMarked = present?.reason === 'DeploymentPaused'
    if ((deployment.spec.paused ?? false) === isMarked) return undefined
    const [reason, message] = isMarked
      ? ['DeploymentResumed', 'Deployment is resumed']
      : ['DeploymentPaused', 'Deployment is paused']
    return { type: 'Progressing', status: 'Unknown', reason, message }
  }

  private async writeCondition(deployment: Deployment, condition: Condition): Promise<void> {
    const now = rfc3339(this.context.clock.now())
    const conditions = withCondition(deployment.status?.conditions ?? [], condition, now)
    await this.writeStatus(deployment, { ...deployment.status, conditions })
  }

  /** Paused, or scaled while it rolls: sizes only, no new ReplicaSet. */
  private async syncScale(seen: Deployment, known: Sets): Promise<Outcome> {
    const { deployment, sets } = await this.maker.refresh(seen, known)
    const scales = await this.applyAll(deployment, planScaling(deployment, sets))
    if (deployment.spec.paused) await this.cleanUp(deployment, sets)
    return this.syncStatus(deployment, replace(sets, scales))
  }

  private async syncRolling(seen: Deployment, known: Sets): Promise<Outcome> {
    const { deployment, sets } = await this.maker.ensure(seen, known)
    const scales = await this.applyAll(deployment, planRolling(deployment, sets))
    if (scales.length === 0 && isComplete(deployment, deployment.status ?? {})) await this.cleanUp(deployment, sets)
    return this.syncRollout(deployment, replace(sets, scales))
  }

  private async syncRecreate(seen: Deployment, known: Sets): Promise<Outcome> {
    const refreshed = await this.maker.refresh(seen, known)
    const plan = planRecreate(refreshed.sets, (set) => this.pods.lister.ownedBy(set.metadata.uid ?? ''))
    if (plan.step === 'scale') {
      const scales = await this.applyAll(refreshed.deployment, plan.scales)
      return this.syncRollout(refreshed.deployment, replace(refreshed.sets, scales))
    }
    if (plan.step === 'wait') return this.syncRollout(refreshed.deployment, refreshed.sets)
    const { deployment, sets } = await this.maker.ensure(refreshed.deployment, refreshed.sets)
    const replicas = newSetReplicas(deployment, sets)
    const grow = sets.newSet && replicasOf(sets.newSet) !== replicas ? [{ set: sets.newSet, replicas }] : []
    const scales = await this.applyAll(deployment, grow)
    if (isComplete(deployment, deployment.status ?? {})) await this.cleanUp(deployment, sets)
    return this.syncRollout(deployment, replace(sets, scales))
  }

  /** Writes new sizes; returns the ReplicaSets as they are then, by uid. */
  private async applyAll(deployment: Deployment, scales: readonly Scale[]): Promise<readonly ReplicaSet[]> {
    const changed: ReplicaSet[] = []
    for (const scale of scales) changed.push(await this.apply(deployment, scale))
    return changed
  }

  private async apply(deployment: Deployment, { set, replicas }: Scale): Promise<ReplicaSet> {
    const annotations = { ...set.metadata.annotations, ...scaleAnnotations(deployment) }
    const before = replicasOf(set)
    if (before === replicas && sameAnnotations(set.metadata.annotations, annotations)) return set
    const wanted = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } }
    const written = await this.context.client.update(replicaSets, wanted)
    if (before !== replicas) {
      const direction = replicas > before ? 'up' : 'down'
      const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`
      this.recorder.event(involved(deploymentResource, deployment), 'Normal', 'ScalingReplicaSet', message)
    }
    return written
  }

  private async cleanUp(deployment: Deployment, { oldSets }: Sets): Promise<void> {
    for (const set of planCleanup(deployment, oldSets, byRevision))
      await deleteQuietly(this.context.client, replicaSets, set)
  }

  private async syncStatus(deployment: Deployment, sets: Sets): Promise<Outcome> {
    const status = countStatus(deployment, sets, rfc3339(this.context.clock.now()))
    if (!sameStatus(deployment.status, status)) await this.writeStatus(deployment, status)
    return done
  }

  private async syncRollout(deployment: Deployment, sets: Sets): Promise<Outcome> {
    const nowMs = this.context.clock.now()
    const status = rolloutStatus(deployment, sets, { now: rfc3339(nowMs), nowMs })
    if (!sameStatus(deployment.status, status)) await this.writeStatus(deployment, status)
    const deadline = deadlineOf(deployment, status)
    return deadline === undefined ? done : after(Math.max(0, deadline - nowMs) + DEADLINE_SLACK_MS)
  }

  private async writeStatus(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    await this.context.client.updateStatus(deploymentResource, { ...deployment, status })
  }
}

function replace(sets: Sets, changed: readonly ReplicaSet[]): Sets {
  if (changed.length === 0) return sets
  const byUid = new Map(changed.map((set) => [set.metadata.uid, set]))
  const current = (set: ReplicaSet) => byUid.get(set.metadata.uid) ?? set
  return { newSet: sets.newSet && current(sets.newSet), oldSets: sets.oldSets.map(current) }
}
