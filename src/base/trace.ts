import type { Clock } from './clock.ts'

/** One step of something happening, on the one clock. `step` is from a closed vocabulary of the layer above. */
export interface TraceEvent<Step extends string = string> {
  /** Milliseconds since 1970, with a fraction. */
  readonly at: number
  readonly component: string
  readonly step: Step
  /** What it happened to, e.g. `pod default/web-1`. */
  readonly object: string
  /** Why, when it is not obvious: a revision, a request, a rule. */
  readonly cause?: string
  /** Small facts of the step: an exit code, a signal, a count. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

export interface Tracer<Step extends string = string> {
  emit(step: Step, object: string, more?: { cause?: string; detail?: TraceEvent['detail'] }): void
}

export type TraceSink<Step extends string = string> = (event: TraceEvent<Step>) => void

export function tracer<Step extends string>(clock: Clock, component: string, sink: TraceSink<Step>): Tracer<Step> {
  return {
    emit(step, object, more) {
      sink({
        at: clock.now(),
        component,
        step,
        object,
        ...(more?.cause === undefined ? {} : { cause: more.cause }),
        ...(more?.detail === undefined ? {} : { detail: more.detail }),
      })
    },
  }
}

export const noTrace: Tracer = { emit() {} }
