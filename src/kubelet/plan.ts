/**
 * How a pod lives and how it ends: from what is known now to what is to be done now. Pure; the worker carries it out and asks
 * again after every change. Nothing here remembers, so whatever was missed is made up for the next time.
 *
 * The end of a pod, top to bottom. A pass over the pod that has begun is finished first (finishPass).
 *   1. every running container begins its end at the same instant: Killing is announced, preStop starts
 *   2. after preStop (or when it has used up the grace) the stop signal, with what is left of the grace, at least 2 s
 *   3. the runtime waits and KILLs; a wait that has begun is neither shortened nor lengthened
 *   4. sidecars get their signal after the last main container, in reverse order; when the grace is used up, all at once
 *   5. when all have ended, the sandbox is stopped and the terminal status is written, once
 *   6. the object is deleted for good: grace 0, only with this uid
 *
 * Example: grace 5, preStop `sleep 2`, a program that ignores TERM. t=0 begin-end and pre-stop; t=2 stop with 3 s; t=5 KILL.
 * With a preStop that sleeps 30 and grace 3: t=3 stop with 2 s (the floor); t=5 KILL.
 */
import { isTerminalPhase } from '../api/pod-phase.ts'
import { restartAt } from './back-off.ts'
import {
  type ContainerView,
  type End,
  GRACE_MIN_MS,
  initialized,
  isInPass,
  isReplaced,
  lives,
  mainEverRan,
  type PodView,
  restarts,
  STOP_GRACE_FLOOR_MS,
  type Unhealthy,
} from './pod-view.ts'

/**
 * Why a pod must end. `removed`: its object is gone. `shutdown`: the node goes down; the object stays, and nothing is written.
 * `rejected`: this node does not take it. `finished`: nothing in it will run again.
 */
export type EndReason = 'removed' | 'deleted' | 'shutdown' | 'rejected' | 'deadline' | 'finished'

export type Action =
  | { readonly do: 'mount' }
  | { readonly do: 'run-sandbox' }
  | { readonly do: 'start'; readonly container: string; readonly attempt: number }
  /** The container waits for its restart: CrashLoopBackOff. */
  | { readonly do: 'back-off'; readonly container: string; readonly delayMs: number; readonly untilMs: number }
  /** Notes the instant and announces it. */
  | {
      readonly do: 'begin-end'
      readonly container: string
      readonly graceMs: number
      readonly why: EndReason | Unhealthy | 'sandbox-lost'
    }
  | { readonly do: 'pre-stop'; readonly container: string; readonly graceMs: number }
  | { readonly do: 'stop'; readonly container: string; readonly graceMs: number }
  /** Starts under way are not to go on: the pod is to end. */
  | { readonly do: 'give-up-starts' }
  | { readonly do: 'stop-sandbox' }
  | { readonly do: 'write-terminal-status' }
  | { readonly do: 'final-delete' }
  /** Containers, sandbox, logs and volumes of a pod whose object is gone. */
  | { readonly do: 'clean-up' }
  /** Nothing to do before this time, if nothing else happens. */
  | { readonly do: 'wake'; readonly atMs: number }

/** What to do at `nowMs` (ms since 1970), in this order. Asked again with the same view it says the same. */
export function plan(view: PodView, nowMs: number): Action[] {
  const why = endReason(view, nowMs)
  return why ? planEnd(view, why, nowMs) : planLife(view, nowMs)
}

/** undefined: the pod is to live. Once there is a reason there will always be one. */
export function endReason(view: PodView, nowMs: number): EndReason | undefined {
  if (view.removed) return 'removed'
  if (view.pod.metadata.deletionTimestamp) return 'deleted'
  if (view.shutdown) return 'shutdown'
  if (view.rejected) return 'rejected'
  if (nowMs >= deadlineOf(view)) return 'deadline'
  return finished(view) ? 'finished' : undefined
}

/** When the pod has been active for too long, in ms since 1970; Infinity without activeDeadlineSeconds. */
function deadlineOf({ pod, startedAtMs }: PodView): number {
  const seconds = pod.spec.activeDeadlineSeconds
  return seconds === undefined ? Number.POSITIVE_INFINITY : startedAtMs + seconds * 1000
}

/** Nothing in the pod will run again: its phase is terminal, its initialization failed, or all main containers are done. */
function finished({ pod, containers }: PodView): boolean {
  if (isTerminalPhase(pod.status?.phase)) return true
  const over = (c: ContainerView) => c.run?.state === 'exited' && !c.starting && !restarts(c, pod)
  if (containers.some((c) => c.kind === 'init' && over(c) && !initialized(c))) return true
  return containers.every((c) => c.kind !== 'main' || over(c))
}

// ---- the end

function planEnd(view: PodView, why: EndReason, nowMs: number): Action[] {
  const before = view.shutdown ? undefined : finishPass(view, nowMs)
  if (before) return before
  const hooks = view.shutdown ? [] : view.containers.flatMap((container) => awaitHook(container, nowMs))
  const actions = view.containers.flatMap((container) =>
    lives(container)
      ? endContainer(container, {
          why,
          graceMs: graceOf(view, why),
          hasItsTurn: hasItsTurn(view, container),
          nowMs,
        })
      : [],
  )
  if (view.containers.some((container) => container.starting)) return [...actions, { do: 'give-up-starts' }]
  return view.containers.some(lives) || hooks.length > 0 ? [...actions, ...hooks] : afterContainers(view, why)
}

/** A preStop that has outlived its container is waited for, as long as there is grace. */
function awaitHook(container: ContainerView, nowMs: number): Action[] {
  const { end } = container
  if (lives(container) || end?.hook !== 'running' || nowMs >= end.sinceMs + end.graceMs) return []
  return [{ do: 'wake', atMs: end.sinceMs + end.graceMs }]
}

/**
 * A pass over the pod that has begun comes to its end before the pod's end begins, as in Kubernetes (issue 116032): a start with
 * its postStart, the main containers after it, a container that a probe has ended and its new life. undefined: nothing is left.
 */
function finishPass(view: PodView, nowMs: number): Action[] | undefined {
  const { containers, passing } = view
  if (!passing) return undefined
  const ending = containers.filter((c) => lives(c) && (isInPass(c) || c.unhealthy === 'post-start'))
  if (ending.length > 0 || containers.some((c) => c.starting))
    return ending.flatMap((c) => endUnhealthy(view, c, nowMs))
  const isNext = (c: ContainerView) => isReplaced(c) || (c.kind === 'main' && !c.run && !c.waiting && mainEverRan(view))
  const starts = containers.filter(isNext).flatMap((c) => startIfDue(view, c, nowMs).filter((a) => a.do === 'start'))
  return starts.length > 0 ? starts.slice(0, 1) : undefined
}

/** Steps 5 and 6. */
function afterContainers(view: PodView, why: EndReason): Action[] {
  const { state } = view.sandbox
  if (state === 'starting' || state === 'stopping') return []
  if (state === 'ready' || state === 'lost') return [{ do: 'stop-sandbox' }]
  if (why === 'shutdown') return []
  if (why === 'removed') return view.cleanUp === 'none' ? [{ do: 'clean-up' }] : []
  if (view.terminalStatus !== 'written') return view.terminalStatus === 'none' ? [{ do: 'write-terminal-status' }] : []
  return why === 'deleted' && view.finalDelete === 'none' ? [{ do: 'final-delete' }] : []
}

/**
 * The grace of a pod's end, in ms: what the API server decided at the deletion, else the pod's own. A forced delete, and a
 * container whose pod is no longer known, get the shortest.
 */
function graceOf({ pod }: PodView, why: EndReason): number {
  if (why === 'removed') return GRACE_MIN_MS
  const own = pod.spec.terminationGracePeriodSeconds ?? 30
  const seconds = why === 'deleted' ? (pod.metadata.deletionGracePeriodSeconds ?? own) : own
  return Math.max(GRACE_MIN_MS, seconds * 1000)
}

/** Kubernetes counts what is used of a grace in whole seconds; a timer may be a few ms early. */
const wholeSeconds = (ms: number): number => Math.floor((ms + TIMER_EARLY_MS) / 1000) * 1000
const TIMER_EARLY_MS = 5

/** A sidecar's turn comes when the main containers and the sidecars after it have ended. */
function hasItsTurn({ containers }: PodView, container: ContainerView): boolean {
  if (container.kind !== 'sidecar') return true
  const at = containers.indexOf(container)
  return containers.every((other, i) => !lives(other) || other.kind === 'init' || (other.kind === 'sidecar' && i <= at))
}

interface ContainerEnd {
  readonly why: EndReason | Unhealthy | 'sandbox-lost'
  readonly graceMs: number
  readonly hasItsTurn: boolean
  readonly nowMs: number
}

/** Steps 1 to 4 for one running container. An end that has begun keeps its own grace, whatever is decided later. */
function endContainer(container: ContainerView, { why, graceMs, hasItsTurn, nowMs }: ContainerEnd): Action[] {
  const { name } = container
  const actions: Action[] = container.end ? [] : [{ do: 'begin-end', container: name, graceMs, why }]
  const end: End = container.end ?? { sinceMs: nowMs, graceMs, hook: 'none', signalled: false }
  if (end.signalled) return actions
  const overAtMs = end.sinceMs + end.graceMs
  const wake: Action = { do: 'wake', atMs: overAtMs }
  if (!container.end && container.spec.lifecycle?.preStop)
    return [...actions, { do: 'pre-stop', container: name, graceMs: end.graceMs }, wake]
  const mustWait = end.hook === 'running' || !hasItsTurn
  if (mustWait && nowMs < overAtMs) return [...actions, wake]
  const leftMs = Math.max(STOP_GRACE_FLOOR_MS, end.graceMs - wholeSeconds(nowMs - end.sinceMs))
  return [{ do: 'stop', container: name, graceMs: leftMs }, ...actions]
}

// ---- the life

function planLife(view: PodView, nowMs: number): Action[] {
  const deadline = deadlineOf(view)
  const actions: Action[] = deadline < Number.POSITIVE_INFINITY ? [{ do: 'wake', atMs: deadline }] : []
  for (const container of view.containers) if (lives(container)) actions.push(...endUnhealthy(view, container, nowMs))
  return [...actions, ...planFoundations(view, nowMs)]
}

/** Volumes, then the sandbox, then containers. */
function planFoundations(view: PodView, nowMs: number): Action[] {
  const { volumes, sandbox } = view
  const again = (retryAtMs: number | undefined, action: Action): Action[] =>
    retryAtMs !== undefined && nowMs < retryAtMs ? [{ do: 'wake', atMs: retryAtMs }] : [action]
  if (volumes.state === 'mounting') return []
  if (volumes.state !== 'ready') return again(volumes.retryAtMs, { do: 'mount' })
  if (sandbox.state === 'ready') return planStarts(view, nowMs)
  if (sandbox.state === 'lost') return leaveLostSandbox(view, nowMs)
  if (sandbox.state === 'none' || sandbox.state === 'failed') return again(sandbox.retryAtMs, { do: 'run-sandbox' })
  return []
}

/** The end of a container whose pod lives on; nothing for one that is well. */
function endUnhealthy(view: PodView, container: ContainerView, nowMs: number): Action[] {
  const { unhealthy } = container
  if (!unhealthy) return []
  const graceMs = unhealthyGrace(view, container, unhealthy)
  return endContainer(container, { why: unhealthy, graceMs, hasItsTurn: true, nowMs })
}

/** A probe's own grace goes before the pod's. */
function unhealthyGrace(view: PodView, { spec }: ContainerView, why: Unhealthy): number {
  const probe = why === 'liveness' ? spec.livenessProbe : why === 'startup' ? spec.startupProbe : undefined
  const seconds = probe?.terminationGracePeriodSeconds ?? view.pod.spec.terminationGracePeriodSeconds ?? 30
  return Math.max(GRACE_MIN_MS, seconds * 1000)
}

/** Containers cannot outlive their sandbox: what still runs ends, then a new one is made. */
function leaveLostSandbox(view: PodView, nowMs: number): Action[] {
  const living = view.containers.filter(lives)
  if (living.length === 0) return view.containers.some((c) => c.starting) ? [] : [{ do: 'run-sandbox' }]
  const graceMs = GRACE_MIN_MS
  return living.flatMap((c) => endContainer(c, { why: 'sandbox-lost', graceMs, hasItsTurn: true, nowMs }))
}

/**
 * What to start now: init containers one after the other, each when the one before has done its part, then all main
 * containers. One start at a time, as Kubernetes does it; a container that waits (for its image, its restart) holds up
 * only what must come after it.
 */
function planStarts(view: PodView, nowMs: number): Action[] {
  if (view.containers.some((container) => container.starting)) return []
  const actions: Action[] = []
  const initializing = !mainEverRan(view)
  for (const container of view.containers) {
    if (initializing && container.kind !== 'main') {
      if (initialized(container)) continue
      actions.push(...startIfDue(view, container, nowMs))
      return actions
    }
    if (container.kind === 'init') continue
    actions.push(...startIfDue(view, container, nowMs))
    if (actions.at(-1)?.do === 'start') return actions
  }
  return actions
}

function startIfDue({ pod }: PodView, container: ContainerView, nowMs: number): Action[] {
  const { name, run, waiting, backOff } = container
  if (lives(container)) return []
  const hook = awaitHook(container, nowMs)
  if (hook.length > 0) return hook
  if (run && !restarts(container, pod)) return []
  if (run) {
    const finishedAtMs = run.finishedAtMs ?? nowMs
    const untilMs = startsAtOnce(container, finishedAtMs) ? finishedAtMs : restartAt(backOff, finishedAtMs)
    // A life that ended in the future: the clock was set back since, and what was waited of it is not known.
    if (nowMs < untilMs && nowMs >= finishedAtMs) {
      const wake: Action = { do: 'wake', atMs: untilMs }
      if (waiting?.reason === 'CrashLoopBackOff') return [wake]
      return [{ do: 'back-off', container: name, delayMs: untilMs - finishedAtMs, untilMs }, wake]
    }
  }
  if (waiting?.untilMs !== undefined && nowMs < waiting.untilMs) return [{ do: 'wake', atMs: waiting.untilMs }]
  return [{ do: 'start', container: name, attempt: run ? run.attempt + 1 : 0 }]
}

/** The pass that ends a container starts it again: what it knows of back-off is the end of the life before. */
function startsAtOnce(container: ContainerView, finishedAtMs: number): boolean {
  const { previous, backOff } = container
  if (!isReplaced(container)) return false
  return !previous || restartAt(backOff, previous.finishedAtMs ?? finishedAtMs) <= finishedAtMs
}
