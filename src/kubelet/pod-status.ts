/**
 * The status of a pod from what the kubelet knows of it. Pure. Phases and conditions as Kubernetes computes them
 * (documentation: "Pod Lifecycle"; the terminal ones from the recordings in golden/termination).
 */

import { conditionOf, transitionTime } from '../api/conditions.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { rfc3339 } from '../api/time.ts'
import type {
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
  VolumeMountStatus,
} from '../api/types/core-v1.gen.ts'
import { type EndReason, endReason } from './plan.ts'
import {
  type ContainerView,
  initialized,
  lives,
  type PodView,
  podInitialized,
  type Rejection,
  type Run,
  restarts,
} from './pod-view.ts'
import { resizePending } from './resize.ts'
import { supplementalGroupsOf } from './security.ts'

export interface NodeFacts {
  readonly hostIP: string
  /** Scheme of containerID: the runtime's name. */
  readonly runtimeName: string
}

export const DEADLINE_MESSAGE = 'Pod was active on the node longer than the specified deadline'
const NEVER_LOCATED = 'The container could not be located when the pod was terminated'

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/**
 * `last` is the status written before (or the API's): it keeps transition times, and the phase, which does not become
 * terminal while anything may still run.
 */
export function podStatus(real: PodView, nowMs: number, node: NodeFacts, last: PodStatus | undefined): PodStatus {
  if (real.rejected) return rejectedStatus(real, real.rejected)
  const view = { ...real, containers: real.containers.map(asShown) }
  const why = endReason(real, nowMs)
  const ended = why !== undefined && allEnded(real)
  const computed = phaseOf(view, why, ended)
  const phase = isTerminalPhase(computed) && !ended ? phaseNow(last, view) : ended ? terminal(computed) : computed
  const deadline = isOverdue(real, why) && ended
  const generation = view.pod.metadata.generation
  const statuses = (kinds: (c: ContainerView) => boolean) =>
    view.containers.filter(kinds).map((c) => containerStatus(view, c, ended, node))
  const inits = statuses((c) => c.kind !== 'main')
  const { ip } = view.sandbox
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(deadline ? { reason: 'DeadlineExceeded', message: DEADLINE_MESSAGE } : {}),
    conditions: conditionsOf(view, computed, nowMs, last),
    hostIP: node.hostIP,
    hostIPs: [{ ip: node.hostIP }],
    ...(ip ? { podIP: ip, podIPs: [{ ip }] } : {}),
    startTime: rfc3339(view.startedAtMs),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    containerStatuses: statuses((c) => c.kind === 'main'),
    resources: {},
  }
}

/** Of a pod that is refused nothing else is told: what the scheduler wrote stays. */
function rejectedStatus({ pod, startedAtMs }: PodView, { reason, message }: Rejection): PodStatus {
  const generation = pod.metadata.generation
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase: 'Failed',
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: rfc3339(startedAtMs),
  }
}

/**
 * While its start is under way, postStart included, a container shows what it showed before; when postStart has failed, until it
 * has ended.
 */
function asShown(c: ContainerView): ContainerView {
  const isHidden = lives(c) && (c.starting || c.unhealthy === 'post-start')
  return isHidden ? { ...c, run: c.previous, previous: undefined } : c
}

const terminal = (phase: Phase): Phase => (isTerminalPhase(phase) ? phase : 'Failed')

/** Containers ended and the sandbox is gone: the status is the last one. */
function allEnded({ containers, sandbox }: PodView): boolean {
  const gone = sandbox.state === 'none' || sandbox.state === 'stopped' || sandbox.state === 'failed'
  return gone && !containers.some((c) => lives(c) || c.starting)
}

function phaseNow(last: PodStatus | undefined, { containers }: PodView): Phase {
  if (last?.phase === 'Pending' || last?.phase === 'Running') return last.phase
  return containers.some((c) => c.kind === 'main' && c.run) ? 'Running' : 'Pending'
}

const isOverdue = (view: PodView, why: EndReason | undefined): boolean => view.overdue || why === 'deadline'

/** What the phase would be if nothing had to be waited for. */
function phaseOf(view: PodView, why: EndReason | undefined, ended: boolean): Phase {
  const { pod, containers } = view
  const known = pod.status?.phase
  if (isTerminalPhase(known)) return known
  if (isOverdue(view, why)) return 'Failed'
  const over = (c: ContainerView) => c.run?.state === 'exited'
  const failedInit = (c: ContainerView) => c.kind === 'init' && over(c) && c.run?.exitCode !== 0
  if (containers.some((c) => failedInit(c) && !restarts(c, pod))) return 'Failed'
  if (!podInitialized(view)) return 'Pending'
  const mains = containers.filter((c) => c.kind === 'main')
  if (mains.some((c) => !c.run)) return 'Pending'
  if (containers.some((c) => c.kind !== 'init' && lives(c))) return 'Running'
  if (!ended && mains.some((c) => c.starting || restarts(c, pod))) return 'Running'
  return mains.every((c) => c.run?.exitCode === 0) ? 'Succeeded' : 'Failed'
}

// ---- conditions

interface Finding {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason?: string
  readonly message?: string
}

function conditionsOf(view: PodView, phase: Phase, nowMs: number, last: PodStatus | undefined): PodCondition[] {
  const generation = view.pod.metadata.generation
  const before = [...(last?.conditions ?? []), ...(view.pod.status?.conditions ?? [])]
  const containersReady = containersReadyOf(view, phase)
  const pending = isTerminalPhase(phase) ? undefined : resizePending(view.containers)
  const findings: Finding[] = [
    { type: 'PodReadyToStartContainers', status: view.sandbox.state === 'ready' ? 'True' : 'False' },
    initializedOf(view, phase),
    readyOf(view, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...(pending ? [pending] : []),
  ]
  return findings.map((finding) => {
    const old = before.find((c) => c.type === finding.type)
    return {
      ...finding,
      lastProbeTime: null as unknown as string,
      lastTransitionTime: transitionTime(old, finding.status, rfc3339(nowMs)),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    }
  })
}

function initializedOf(view: PodView, phase: Phase): Finding {
  const type = 'Initialized'
  if (phase === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' }
  if (podInitialized(view)) return { type, status: 'True' }
  const names = view.containers.filter((c) => c.kind !== 'main' && !initialized(c)).map((c) => c.name)
  const message = `containers with incomplete status: [${names.join(' ')}]`
  return { type, status: 'False', reason: 'ContainersNotInitialized', message }
}

function containersReadyOf(view: PodView, phase: Phase): Finding {
  const type = 'ContainersReady'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const unready = view.containers.filter((c) => c.kind !== 'init' && !isReady(c)).map((c) => c.name)
  if (unready.length === 0) return { type, status: 'True' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { type, status: 'False', reason: 'ContainersNotReady', message }
}

function readyOf({ pod }: PodView, containersReady: Finding): Finding {
  const type = 'Ready'
  if (containersReady.status === 'False') return { ...containersReady, type }
  const messages = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = conditionOf(pod.status, conditionType)
    if (!found) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    return found.status === 'True'
      ? []
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`]
  })
  if (messages.length === 0) return { type, status: 'True' }
  return { type, status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') }
}

// ---- containers

const isReady = (c: ContainerView): boolean => lives(c) && c.started && c.ready

function containerStatus(view: PodView, c: ContainerView, ended: boolean, node: NodeFacts): ContainerStatus {
  const { spec, run, allocated } = c
  const ready = c.kind === 'init' ? initialized(c) : isReady(c)
  const { state, lastState } = statesOf(view, c, ended, node)
  const mounts = mountsOf(spec.volumeMounts)
  const containerID = idOf(run, node)
  return {
    name: c.name,
    state,
    lastState,
    ready,
    restartCount: run?.attempt ?? 0,
    image: run?.image ?? spec.image ?? '',
    imageID: run?.imageId ?? '',
    ...(containerID ? { containerID } : {}),
    started: lives(c) && (c.started || (c.kind === 'init' && !c.starting)),
    ...(allocated?.requests ? { allocatedResources: allocated.requests } : {}),
    resources: run && lives(c) ? { ...allocated } : {},
    ...(mounts ? { volumeMounts: mounts } : {}),
    ...(lives(c) ? { user: userOf(view.pod, c) } : {}),
  }
}

function statesOf(view: PodView, c: ContainerView, ended: boolean, node: NodeFacts) {
  const { run, previous, waiting } = c
  const ending = endingNow(view)
  const before = previous ? { terminated: terminated(previous, node) } : {}
  if (lives(c) && run) return { state: { running: since(run) } as ContainerState, lastState: before }
  if (run?.state === 'exited') {
    const state: ContainerState = { terminated: terminated(run, node) }
    if (!waiting || ending) return { state, lastState: before }
    return { state: { waiting: reasonOf(waiting) }, lastState: state }
  }
  if (ended && countsAsLost(view, c)) return { state: neverLocated, lastState: before }
  const hasInit = view.containers.some((other) => other.kind !== 'main')
  const byDefault = { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' }
  return { state: { waiting: waiting && !ending ? reasonOf(waiting) : byDefault }, lastState: before }
}

/** Kubernetes writes null times here. */
const neverLocated: ContainerState = {
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: NEVER_LOCATED,
    startedAt: null as unknown as string,
    finishedAt: null as unknown as string,
  },
}

const endingNow = ({ pod, removed }: PodView): boolean => removed || pod.metadata.deletionTimestamp !== undefined

/** A container that never ran and whose turn had come counts as lost; one still behind init containers just never began. */
function countsAsLost(view: PodView, c: ContainerView): boolean {
  if (c.kind === 'main') return podInitialized(view)
  const at = view.containers.indexOf(c)
  return view.containers.some((other, i) => i > at && other.kind !== 'main' && other.run)
}

const since = (run: Run) => (run.startedAtMs === undefined ? {} : { startedAt: rfc3339(run.startedAtMs) })

const reasonOf = ({ reason, message }: { reason: string; message?: string }) =>
  message ? { reason, message } : { reason }

function terminated(run: Run, node: NodeFacts): NonNullable<ContainerState['terminated']> {
  const exitCode = run.exitCode ?? 137
  const { finishedAtMs, message } = run
  const containerID = idOf(run, node)
  return {
    exitCode,
    reason: run.reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
    ...(message ? { message } : {}),
    startedAt: run.startedAtMs === undefined ? (null as unknown as string) : rfc3339(run.startedAtMs),
    finishedAt: finishedAtMs === undefined ? (null as unknown as string) : rfc3339(finishedAtMs),
    ...(containerID ? { containerID } : {}),
  }
}

const idOf = (run: Run | undefined, node: NodeFacts): string | undefined =>
  run?.id === undefined ? undefined : `${node.runtimeName}://${run.id}`

function mountsOf(mounts: ContainerView['spec']['volumeMounts']): VolumeMountStatus[] | undefined {
  if (!mounts || mounts.length === 0) return undefined
  return mounts.map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  }))
}

function userOf(pod: Pod, { spec: container }: ContainerView) {
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? 0
  const gid = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup ?? 0
  return { linux: { gid, supplementalGroups: [...new Set([gid, ...supplementalGroupsOf(pod)])], uid } }
}
