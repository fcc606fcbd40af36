import type { EbbTracer } from '../api/trace-steps.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import type { ApiClient } from '../client/api-client.ts'
import { Controller, type ControllerOptions, type Reconcile } from '../client/controller.ts'
import { Recorder } from '../client/events.ts'
import type { Informers } from '../client/informer.ts'

/** Told of every failed reconcile; usually retried by itself, so a line in a log at most. */
export type ReportFailure = NonNullable<ControllerOptions['failed']>

/** What every controller gets. */
export interface ControllerContext {
  readonly client: ApiClient
  readonly informers: Informers
  readonly clock: Clock
  readonly random: Random
  readonly tracer: EbbTracer
  readonly lifetime: Lifetime
  readonly failed?: ReportFailure
}

export function newController(
  context: ControllerContext,
  name: string,
  reconcile: Reconcile,
  workers?: number,
): Controller {
  const { clock, lifetime, failed } = context
  return new Controller({
    name,
    clock,
    lifetime,
    reconcile,
    ...(workers === undefined ? {} : { workers }),
    ...(failed ? { failed } : {}),
  })
}

/** Records events as `component`, e.g. `replicaset-controller`. */
export function newRecorder(context: ControllerContext, component: string): Recorder {
  return new Recorder({ client: context.client, clock: context.clock, lifetime: context.lifetime, component })
}
