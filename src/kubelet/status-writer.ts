/**
 * Writes the status of one pod: the newest one when several wait, one request at a time, again until the server takes it. The
 * patch carries the uid, so that a successor of the same name is never touched; conditions of others stay as they are.
 */
import { conditionOf } from '../api/conditions.ts'
import { ApiError } from '../api/status.ts'
import type { PodStatus } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import type { ApiClient } from '../client/api-client.ts'
import { pods } from '../client/resources.ts'
import { isGone } from './gone.ts'
import { RESIZE_PENDING } from './resize.ts'

/** Between attempts while the server does not answer or refuses for the moment, in ms. */
const RETRY_FIRST_MS = 200
const RETRY_MAX_MS = 10_000

export interface StatusWriterSeams {
  readonly client: ApiClient
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Told of each status that the server took, and of failures that lead to a retry: not that the pod is gone. */
  written(status: PodStatus): void
  failed(error: unknown): void
}

export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** What the API has of it. */
  readonly status?: PodStatus | undefined
}

export class StatusWriter {
  private readonly pod: PodIdentity
  private readonly seams: StatusWriterSeams
  private waiting: PodStatus | undefined
  private writing: Promise<void> | undefined
  private last: string | undefined
  /** The API shows a resize that was not done: it stays there until it is taken away. */
  private showsResize: boolean

  constructor(pod: PodIdentity, seams: StatusWriterSeams) {
    this.pod = pod
    this.showsResize = pending(pod.status)
    this.seams = seams
  }

  /** Resolves when this status, or a newer one, is written, or the pod is gone. A status equal to the last one is not written. */
  submit(status: PodStatus): Promise<void> {
    const text = JSON.stringify(status)
    if (text !== this.last) {
      this.last = text
      this.waiting = status
      this.writing ??= this.writeAll().finally(() => {
        this.writing = undefined
      })
    }
    return this.writing ?? Promise.resolve()
  }

  private async writeAll(): Promise<void> {
    let delayMs = RETRY_FIRST_MS
    while (this.waiting && !this.seams.signal.aborted) {
      const status = this.waiting
      this.waiting = undefined
      try {
        await this.write(status)
        delayMs = RETRY_FIRST_MS
      } catch (error) {
        // Its end was quicker than this status: nobody misses it.
        if (isGone(error) || (error instanceof ApiError && error.code === 422)) return
        this.seams.failed(error)
        this.waiting ??= status
        await sleep(this.seams.clock, delayMs, this.seams.signal)
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)
      }
    }
  }

  private async write(status: PodStatus): Promise<void> {
    const { namespace, name, uid } = this.pod
    const gone = this.showsResize && !pending(status) ? [RESIZE_PENDING] : []
    const patch = { metadata: { uid }, status: patchOf(status, gone) }
    await this.seams.client.patch(pods, { namespace, name }, patch, { subresource: 'status' })
    this.showsResize = pending(status)
    this.seams.written(status)
  }
}

const pending = (status: PodStatus | undefined): boolean => conditionOf(status, RESIZE_PENDING) !== undefined

/** What is no longer true is taken away by null: a patch alone only adds. `gone`: types of conditions that are no more. */
function patchOf(status: PodStatus, gone: readonly string[]): unknown {
  const conditions = (status.conditions ?? []).map((condition) => ({ reason: null, message: null, ...condition }))
  return {
    reason: null,
    message: null,
    podIP: null,
    podIPs: null,
    ...status,
    conditions: [...conditions, ...gone.map((type) => ({ type, $patch: 'delete' }))],
    '$setElementOrder/conditions': conditions.map(({ type }) => ({ type })),
  }
}
