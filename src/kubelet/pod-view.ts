/**
 * The vocabulary of the plan: what the kubelet knows of one pod at one instant. The worker builds a view from the API's
 * object, the runtime's containers and its own bookkeeping; `plan.ts` and `pod-status.ts` only read it.
 */
import type { Container, Pod } from '../api/types/core-v1.gen.ts'
import type { ContainerId, SandboxId } from './runtime.ts'

/** Shortest time between a stop signal and KILL, in ms, also when preStop used up the grace. */
export const STOP_GRACE_FLOOR_MS = 2_000
/** Shortest grace, in ms: a forced delete gives preStop this long. */
export const GRACE_MIN_MS = 1_000

/** `init`: runs to its end before the next; `sidecar`: an init container that is restarted always; `main`: spec.containers. */
export type ContainerKind = 'init' | 'sidecar' | 'main'

/** One life of a container. */
export interface Run {
  /** 0 for the first life: the restart count. */
  readonly attempt: number
  /** undefined: known only from the API's status; the runtime has lost it. */
  readonly id?: ContainerId
  readonly sandboxId?: SandboxId
  readonly state: 'running' | 'exited'
  readonly image: string
  readonly imageId: string
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  readonly exitCode?: number
  readonly signal?: number
  readonly reason?: string
  readonly message?: string
}

/** How far the end of a running container has come. */
export interface End {
  readonly sinceMs: number
  /** preStop and the wait after the stop signal share it. */
  readonly graceMs: number
  readonly hook: 'none' | 'running' | 'done'
  /** The runtime was told to stop it: it signals, waits and KILLs by itself, and is never hurried. */
  readonly signalled: boolean
}

/** Restart back-off as Kubernetes keeps it: `delayMs` counts from the end of the last life. */
export interface BackOff {
  readonly delayMs: number
  /** When the delay was last raised: at a start. */
  readonly raisedAtMs: number
}

/** Why a container has to go although its pod stays. */
export type Unhealthy = 'liveness' | 'startup' | 'post-start' | 'changed'

/** Why a container waits, as its status shows it. */
export interface Waiting {
  readonly reason: string
  readonly message?: string
  /** When to try again; undefined: as soon as the plan says so. */
  readonly untilMs?: number
}

export interface ContainerView {
  readonly name: string
  readonly kind: ContainerKind
  readonly spec: Container
  /** What it was given when the pod came to this node: a later resize is not done. */
  readonly allocated: Container['resources']
  /** The latest life; undefined before the first. */
  readonly run: Run | undefined
  /** The life before: `lastState`. */
  readonly previous: Run | undefined
  /** A start is under way: image, creation, first instruction, postStart. */
  readonly starting: boolean
  readonly waiting: Waiting | undefined
  /** Running, postStart done, startup probe (if any) passed. */
  readonly started: boolean
  /** `started`, and the readiness probe (if any) passes. */
  readonly ready: boolean
  readonly unhealthy: Unhealthy | undefined
  readonly end: End | undefined
  readonly backOff: BackOff | undefined
}

export interface SandboxView {
  /** `failed`: could not be made; `lost`: was ready, is no more. */
  readonly state: 'none' | 'starting' | 'ready' | 'failed' | 'lost' | 'stopping' | 'stopped'
  readonly ip?: string
  readonly retryAtMs?: number
}

/** What must be there before the first container: the contents of volumes. */
export interface VolumesView {
  readonly state: 'none' | 'mounting' | 'ready' | 'failed'
  readonly retryAtMs?: number
}

/** Why a node does not take a pod that is bound to it. */
export interface Rejection {
  readonly reason: string
  readonly message: string
}

export interface PodView {
  readonly pod: Pod
  /** Gone from the API (a forced delete, or the object of a container found after a restart). */
  readonly removed: boolean
  /** This node does not take the pod: nothing of it ever runs. */
  readonly rejected?: Rejection
  /** The node is going down. */
  readonly shutdown: boolean
  /** When this kubelet, or the one before it, first took the pod on: status.startTime. */
  readonly startedAtMs: number
  readonly volumes: VolumesView
  readonly sandbox: SandboxView
  /** Init containers in their order, then main containers. */
  readonly containers: readonly ContainerView[]
  /** Its deadline passed while nothing else ended it: it stays so, also when it is deleted then. */
  readonly overdue: boolean
  /** A pass over the pod was under way when the plan was last asked: see isInPass. */
  readonly passing: boolean
  readonly terminalStatus: 'none' | 'writing' | 'written'
  readonly finalDelete: 'none' | 'sending' | 'sent'
  readonly cleanUp: 'none' | 'running' | 'done'
}

export const lives = (container: ContainerView): boolean => container.run?.state === 'running'

export function kindOf(container: Container, isInit: boolean): ContainerKind {
  if (!isInit) return 'main'
  return container.restartPolicy === 'Always' ? 'sidecar' : 'init'
}

/** Ended by the kubelet to be started again, in the same pass over its pod: a probe failed, or its image is another one. */
export const isReplaced = ({ unhealthy }: ContainerView): boolean =>
  unhealthy === 'liveness' || unhealthy === 'startup' || unhealthy === 'changed'

/**
 * Kubernetes goes over a pod in passes, one at a time: a pass ends the containers that are to be replaced, starts whatever is due,
 * one after the other, each with its postStart, and only then the pod is looked at again.
 */
export const isInPass = (c: ContainerView): boolean =>
  c.starting || (lives(c) && c.end !== undefined && c.unhealthy !== undefined)

/**
 * Whether a container that ended starts again as long as its pod lives: container rules, then container policy, then the pod's.
 * One that is replaced does so whatever its exit code was.
 */
export function restarts(container: ContainerView, pod: Pod): boolean {
  const { kind, spec, run } = container
  if (isReplaced(container)) return restartsOnFailure(container, pod)
  const code = run?.exitCode ?? 0
  const rule = spec.restartPolicyRules?.find(
    ({ exitCodes }) => exitCodes && (exitCodes.values ?? []).includes(code) === (exitCodes.operator === 'In'),
  )
  if (rule) return rule.action === 'Restart'
  const policy = policyOf(spec, pod)
  if (kind === 'init') return policy !== 'Never' && code !== 0
  return policy === 'Always' || (policy === 'OnFailure' && code !== 0)
}

/** Whether it starts again after a probe has failed. A new image is started under any policy. */
export const restartsOnFailure = ({ spec, unhealthy }: ContainerView, pod: Pod): boolean =>
  unhealthy === 'changed' || policyOf(spec, pod) !== 'Never'

const policyOf = (spec: Container, pod: Pod): string => spec.restartPolicy ?? pod.spec.restartPolicy ?? 'Always'

/** An init container has done its part: it ended with 0, or, a sidecar, it is started. */
export function initialized(container: ContainerView): boolean {
  if (container.kind === 'sidecar') return lives(container) && container.started
  return container.run?.state === 'exited' && container.run.exitCode === 0
}

/** Init containers are over once all did their part, or any main container ever ran. */
export function podInitialized(view: PodView): boolean {
  return view.containers.every((c) => (c.kind === 'main' ? true : initialized(c))) || mainEverRan(view)
}

export const mainEverRan = (view: PodView): boolean => view.containers.some((c) => c.kind === 'main' && c.run)
