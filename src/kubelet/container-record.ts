/** What the worker remembers of one container: the mutable side of ContainerView. Every change has a name here. */

import { parseTime } from '../api/time.ts'
import type { ContainerStatus as ApiContainerStatus, Container } from '../api/types/core-v1.gen.ts'
import { raised } from './back-off.ts'
import {
  type BackOff,
  type ContainerKind,
  type ContainerView,
  type End,
  isReplaced,
  lives,
  type Run,
  type Unhealthy,
  type Waiting,
} from './pod-view.ts'
import type { ContainerStatus } from './runtime.ts'

export class ContainerRecord implements ContainerView {
  readonly name: string
  readonly kind: ContainerKind
  spec: Container
  allocated: Container['resources']
  run: Run | undefined
  previous: Run | undefined
  starting = false
  waiting: Waiting | undefined
  started = false
  ready = false
  unhealthy: Unhealthy | undefined
  end: End | undefined
  backOff: BackOff | undefined

  constructor(spec: Container, kind: ContainerKind) {
    this.name = spec.name
    this.kind = kind
    this.spec = spec
    this.allocated = spec.resources
  }

  /** The object has changed: a life with another image than the spec's has to end. */
  respec(spec: Container): void {
    if (this.run?.state === 'running' && spec.image !== this.spec.image) this.unhealthy ??= 'changed'
    this.spec = spec
  }

  /** A start begins at `nowMs`: the next one will wait longer. The first replacement is not counted. */
  startBegins(nowMs: number): void {
    this.starting = true
    if (this.run && (this.previous || !isReplaced(this)))
      this.backOff = raised(this.backOff, this.run.finishedAtMs ?? nowMs, nowMs)
  }

  /**
   * A start is over, postStart included. Until then, and until one that failed there has ended, the container shows what it
   * showed before.
   */
  startEnds(): void {
    this.starting = false
    if (lives(this) && this.unhealthy !== 'post-start') this.waiting = undefined
  }

  /** A new life, or the same one seen again. Returns a life that nobody needs any more. */
  runs(run: Run): Run | undefined {
    if (this.run?.attempt === run.attempt) {
      this.run = run
      return undefined
    }
    const forgotten = this.previous
    this.previous = this.run
    this.run = run
    this.end = undefined
    this.unhealthy = undefined
    this.started = false
    this.ready = false
    return forgotten
  }

  exits(run: Run): Run | undefined {
    const forgotten = this.runs(run)
    this.started = false
    this.ready = false
    this.waiting = undefined
    return forgotten
  }

  /** An end that has begun keeps its instant and its grace. */
  endBegins(sinceMs: number, graceMs: number): void {
    this.end ??= { sinceMs, graceMs, hook: 'none', signalled: false }
  }

  /** The machine's clock was set: what is left of waits and graces stays the same. */
  clockSet(byMs: number): void {
    if (byMs === 0) return
    if (this.end) this.end = { ...this.end, sinceMs: this.end.sinceMs + byMs }
    if (this.backOff) this.backOff = { ...this.backOff, raisedAtMs: this.backOff.raisedAtMs + byMs }
    const { waiting } = this
    if (waiting?.untilMs !== undefined) this.waiting = { ...waiting, untilMs: waiting.untilMs + byMs }
  }

  hook(state: End['hook']): void {
    if (this.end) this.end = { ...this.end, hook: state }
  }

  signalled(): void {
    if (this.end) this.end = { ...this.end, signalled: true }
  }
}

/** A life as the runtime reports it; undefined for a container that was created and never started. */
export function runOf(status: ContainerStatus, message = ''): Run | undefined {
  if (status.state === 'created') return undefined
  const base = {
    attempt: status.attempt,
    id: status.id,
    sandboxId: status.sandboxId,
    image: status.image,
    imageId: status.imageId,
    ...(status.startedAtMs === undefined ? {} : { startedAtMs: status.startedAtMs }),
  }
  if (status.state === 'running') return { ...base, state: 'running' }
  const text = message || status.message
  const reason = status.reason ?? (status.state === 'unknown' ? 'ContainerStatusUnknown' : undefined)
  return {
    ...base,
    state: 'exited',
    exitCode: status.exitCode ?? 137,
    ...(status.finishedAtMs === undefined ? {} : { finishedAtMs: status.finishedAtMs }),
    ...(status.signal === undefined ? {} : { signal: status.signal }),
    ...(reason === undefined ? {} : { reason }),
    ...(text ? { message: text } : {}),
  }
}

/** A life that the runtime has lost (it ended while no kubelet looked), from what the API still says of it. */
export function lostRun(status: ApiContainerStatus | undefined, nowMs: number): Run | undefined {
  const { running, terminated } = status?.state ?? {}
  if (!status || (!running && !terminated)) return undefined
  const startedAtMs = parseTime((terminated ?? running)?.startedAt ?? '')
  const base = {
    attempt: status.restartCount,
    state: 'exited' as const,
    image: status.image,
    imageId: status.imageID,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
  }
  if (terminated) {
    const { exitCode, reason, message } = terminated
    const finishedAtMs = parseTime(terminated.finishedAt ?? '') ?? nowMs
    return { ...base, exitCode, finishedAtMs, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }
  }
  return {
    ...base,
    exitCode: 137,
    finishedAtMs: nowMs,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was deleted.  The container used to be Running',
  }
}
