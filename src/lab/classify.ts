/**
 * Why a request was lost, from when it was sent and ended and what happened to the pods meanwhile. Pure. A failed request
 * seldom says which pod it met; then the pod whose end fits best in time is named, and `sure` tells whether it was the only one.
 */
import { backendsOf, type PodEnd, podEnds } from './history.ts'
import { isLost, type RequestRecord } from './load.ts'
import type { Recording } from './record.ts'

/**
 * in-flight-at-exit    a pod had accepted it, and its program exited before the answer
 * stopped-listening    sent to a pod that no longer accepted connections but was still in the rules
 * kept-connection      sent on a kept connection that the ending program was closing
 * not-listening-yet    sent to a pod that was in the rules and had not begun to listen
 * no-endpoints         the Service had no backend at that time
 * server-error         answered, with a status of 500 or more
 * unknown              nothing in the recording explains it
 */
export type LossCause =
  | 'in-flight-at-exit'
  | 'stopped-listening'
  | 'kept-connection'
  | 'not-listening-yet'
  | 'no-endpoints'
  | 'server-error'
  | 'unknown'

export interface Loss {
  readonly request: RequestRecord
  readonly cause: LossCause
  readonly pod?: PodEnd
  readonly sure: boolean
}

/** Clocks of processes and the way to the client differ by this much, in ms: what is closer counts as together. */
const TOGETHER_MS = 30
/** A busy client hears of the end of its connections this late, in ms. */
const HEARD_LATE_MS = 400
/** A pod counts as new in the rules for this long, in ms. */
const NEW_IN_RULES_MS = 500

/** One entry for each lost request, in the order of the due times. */
export function classify(recording: Recording): readonly Loss[] {
  const ends = podEnds(recording)
  return recording.requests.filter(isLost).map((request) => classifyOne(request, ends, recording))
}

function classifyOne(request: RequestRecord, ends: readonly PodEnd[], recording: Recording): Loss {
  if (request.outcome === 'status') return { request, cause: 'server-error', sure: true }
  if (request.outcome === 'refused' && hadNoEndpoints(request, recording))
    return { request, cause: 'no-endpoints', sure: true }
  const connected = request.outcome === 'reset' || request.outcome === 'cut'
  const kept = ends.find((end) => request.connectedTo !== undefined && end.pod.endsWith(`/${request.connectedTo}`))
  if (kept && connected && request.endedAt >= (kept.signalledAt ?? kept.markedAt)) {
    // Sent after the exit (the client had not yet heard of the connection's end), or closed long before the exit.
    const exitedAt = kept.exitedAt ?? Number.POSITIVE_INFINITY
    const unread =
      request.outcome === 'reset' && (request.sentAt > exitedAt || request.endedAt < exitedAt - TOGETHER_MS)
    return { request, cause: unread ? 'kept-connection' : 'in-flight-at-exit', pod: kept, sure: true }
  }
  const atExit = connected ? best(ends, (end) => exitDistance(request, end)) : undefined
  if (atExit) return { request, cause: 'in-flight-at-exit', pod: atExit.end, sure: atExit.sure }
  const stale = best(ends, (end) => staleDistance(request, end))
  if (stale)
    return {
      request,
      cause: connected && request.reused ? 'kept-connection' : 'stopped-listening',
      pod: stale.end,
      sure: stale.sure,
    }
  if (request.outcome === 'refused' && rulesGrewBefore(request, recording))
    return { request, cause: 'not-listening-yet', sure: false }
  return { request, cause: 'unknown', sure: false }
}

/** The end with the least distance; an undefined distance excludes. */
function best(
  ends: readonly PodEnd[],
  distance: (end: PodEnd) => number | undefined,
): { end: PodEnd; sure: boolean } | undefined {
  const fitting = ends
    .map((end) => ({ end, distance: distance(end) }))
    .filter((fit): fit is { end: PodEnd; distance: number } => fit.distance !== undefined)
    .sort((a, b) => a.distance - b.distance)
  const first = fitting[0]
  return first && { end: first.end, sure: fitting.length === 1 }
}

/** How far the request's end lies from a container's exit that it may have been in flight at. */
function exitDistance(request: RequestRecord, end: PodEnd): number | undefined {
  const fits = end.exits
    .filter(({ at }) => request.sentAt <= at + TOGETHER_MS)
    .filter(({ at }) => request.endedAt >= at - TOGETHER_MS && request.endedAt <= at + HEARD_LATE_MS)
    .map(({ at }) => Math.abs(request.endedAt - at))
  return fits.length > 0 ? Math.min(...fits) : undefined
}

/** How long after the stop signal it was sent, when that was before the rules had changed everywhere. */
function staleDistance(request: RequestRecord, end: PodEnd): number | undefined {
  const deaf = end.signalledAt ?? end.exitedAt
  if (deaf === undefined || request.endedAt < deaf) return undefined
  const open = end.rulesWithoutAt ?? Number.POSITIVE_INFINITY
  const kept = request.reused && end.exitedAt !== undefined && request.sentAt <= end.exitedAt + TOGETHER_MS
  if (request.sentAt > open + TOGETHER_MS && !kept) return undefined
  return Math.abs(request.sentAt - deaf)
}

function hadNoEndpoints(request: RequestRecord, recording: Recording): boolean {
  const last = recording.events.filter((e) => e.step === 'rules-changed' && e.at <= request.endedAt).at(-1)
  return last !== undefined && backendsOf(last).length === 0
}

function rulesGrewBefore(request: RequestRecord, recording: Recording): boolean {
  const changes = recording.events.filter((e) => e.step === 'rules-changed')
  return changes.some((event, i) => {
    const before = new Set(changes[i - 1] ? backendsOf(changes[i - 1]!) : [])
    const grew = backendsOf(event).some((ip) => !before.has(ip))
    return grew && event.at <= request.endedAt && request.sentAt - event.at < NEW_IN_RULES_MS
  })
}
