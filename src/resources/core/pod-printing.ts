/**
 * How a pod looks in `kubectl get pods`: ready count, status word and restarts. Pure; the rules are those of Kubernetes 1.36's
 * Table printer, case by case in pod-printing.test.ts.
 */

import { conditionOf } from '../../api/conditions.ts'
import { isTerminalPhase } from '../../api/pod-phase.ts'
import { parseTime } from '../../api/time.ts'
import type { Container, ContainerStatus, Pod } from '../../api/types/core-v1.gen.ts'
import { since } from '../format.ts'

/** What a reader sees of the containers so far. Times are RFC 3339. */
interface Tally {
  reason: string
  ready: number
  restarts: number
  lastRestart: string | undefined
}

/** Ready column, Status column, Restarts column. `now` in ms since 1970. */
export interface PodSummary {
  readonly ready: string
  readonly status: string
  readonly restarts: string
}

export function summarizePod(pod: Pod, now: number): PodSummary {
  const init = summarizeInit(pod)
  const tally = init.initializing && !hasCondition(pod, 'Initialized') ? init.tally : summarizeMain(pod, init)
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).length
  const total = (pod.spec.containers ?? []).length + sidecars
  return {
    ready: `${tally.ready}/${total}`,
    status: withDeletion(pod, tally.reason),
    restarts:
      tally.restarts !== 0 && tally.lastRestart
        ? `${tally.restarts} (${since(tally.lastRestart, now)} ago)`
        : String(tally.restarts),
  }
}

function withDeletion(pod: Pod, reason: string): string {
  if (!pod.metadata.deletionTimestamp) return reason
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  return isTerminalPhase(pod.status?.phase) ? reason : 'Terminating'
}

function phaseReason(pod: Pod): string {
  const gated = conditionOf(pod.status, 'PodScheduled')?.reason === 'SchedulingGated'
  return gated ? 'SchedulingGated' : pod.status?.reason || (pod.status?.phase ?? '')
}

interface InitSummary {
  readonly tally: Tally
  readonly initializing: boolean
  /** Restarts of the sidecars alone: once the pod is initialized, the other init containers no longer count. */
  readonly sidecarRestarts: number
  readonly sidecarLastRestart: string | undefined
}

function summarizeInit(pod: Pod): InitSummary {
  const specs = new Map((pod.spec.initContainers ?? []).map((c) => [c.name, c]))
  const tally: Tally = { reason: phaseReason(pod), ready: 0, restarts: 0, lastRestart: undefined }
  let sidecarRestarts = 0
  let sidecarLastRestart: string | undefined
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(specs.get(status.name))
    const finished = status.lastState?.terminated?.finishedAt
    tally.restarts += status.restartCount
    tally.lastRestart = later(tally.lastRestart, finished)
    if (sidecar) {
      sidecarRestarts += status.restartCount
      sidecarLastRestart = later(sidecarLastRestart, finished)
    }
    if (status.state?.terminated?.exitCode === 0) continue
    if (sidecar && status.started) {
      if (status.ready) tally.ready++
      continue
    }
    tally.reason = initReason(status, i, specs.size)
    return { tally, initializing: true, sidecarRestarts, sidecarLastRestart }
  }
  return { tally, initializing: false, sidecarRestarts, sidecarLastRestart }
}

function initReason({ state }: ContainerStatus, index: number, total: number): string {
  if (state?.terminated) return `Init:${terminatedReason(state.terminated)}`
  if (state?.waiting?.reason && state.waiting.reason !== 'PodInitializing') return `Init:${state.waiting.reason}`
  return `Init:${index}/${total}`
}

function terminatedReason(terminated: { reason?: string; signal?: number; exitCode: number }): string {
  if (terminated.reason) return terminated.reason
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`
}

function summarizeMain(pod: Pod, init: InitSummary): Tally {
  const tally: Tally = { ...init.tally, restarts: init.sidecarRestarts, lastRestart: init.sidecarLastRestart }
  let running = false
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    tally.restarts += status.restartCount
    tally.lastRestart = later(tally.lastRestart, status.lastState?.terminated?.finishedAt)
    const { waiting, terminated, running: alive } = status.state ?? {}
    if (waiting?.reason) tally.reason = waiting.reason
    else if (terminated) tally.reason = terminatedReason(terminated)
    else if (status.ready && alive) {
      running = true
      tally.ready++
    }
  }
  if (tally.reason === 'Completed' && running) tally.reason = hasCondition(pod, 'Ready') ? 'Running' : 'NotReady'
  return tally
}

function hasCondition(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false
}

function isSidecar(container: Container | undefined): boolean {
  return container?.restartPolicy === 'Always'
}

function later(a: string | undefined, b: string | null | undefined): string | undefined {
  if (!b) return a
  return a === undefined || (parseTime(a) ?? 0) < (parseTime(b) ?? 0) ? b : a
}

/** Readiness Gates column: how many of the pod's gates are true; `<none>` without gates. */
export function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const open = gates.filter((gate) => hasCondition(pod, gate.conditionType)).length
  return `${open}/${gates.length}`
}

/** All cells of a pod's row. */
export function podRow(pod: Pod, now: number): string[] {
  const { ready, status, restarts } = summarizePod(pod, now)
  const ip = pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>'
  return [
    pod.metadata.name ?? '',
    ready,
    status,
    restarts,
    since(pod.metadata.creationTimestamp, now),
    ip,
    pod.spec.nodeName || '<none>',
    pod.status?.nominatedNodeName || '<none>',
    readinessGates(pod),
  ]
}

const SUCCEEDED = [
  { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
] as const
const FAILED = [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }] as const

/** Conditions of the row: kubectl hides rows of completed pods by them where asked to. */
export function podRowConditions(pod: Pod): typeof SUCCEEDED | typeof FAILED | undefined {
  if (pod.status?.phase === 'Succeeded') return SUCCEEDED
  return pod.status?.phase === 'Failed' ? FAILED : undefined
}
