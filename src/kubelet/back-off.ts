/** Kubernetes' back-offs: the first is 10 s, each doubles to 5 min, and a long quiet time forgets them. */
import type { BackOff } from './pod-view.ts'

export const BACK_OFF_FIRST_MS = 10_000
export const BACK_OFF_MAX_MS = 300_000
/** A life that ended this long after the last raise begins anew. */
const BACK_OFF_FORGET_MS = 600_000

/** When a container that ended at `finishedAtMs` may start again. The first restart is at once. */
export function restartAt(backOff: BackOff | undefined, finishedAtMs: number): number {
  if (!backOff || finishedAtMs - backOff.raisedAtMs > BACK_OFF_FORGET_MS) return finishedAtMs
  return finishedAtMs + backOff.delayMs
}

/** The back-off after a start at `nowMs` that follows a life ended at `finishedAtMs`. */
export function raised(backOff: BackOff | undefined, finishedAtMs: number, nowMs: number): BackOff {
  if (!backOff || finishedAtMs - backOff.raisedAtMs > BACK_OFF_FORGET_MS)
    return { delayMs: BACK_OFF_FIRST_MS, raisedAtMs: nowMs }
  return { delayMs: Math.min(backOff.delayMs * 2, BACK_OFF_MAX_MS), raisedAtMs: nowMs }
}
