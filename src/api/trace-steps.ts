import type { TraceEvent, Tracer } from '../base/trace.ts'

/**
 * The steps of a pod's end (and its start), as every reader of the trace knows them: logs, the lab's classifier,
 * the timeline, the simulator's checkers. Way A is the kubelet's, way B the routing's; neither waits for the other.
 */
const STEPS = [
  // API server
  'delete-marked', // deletionTimestamp set; detail.grace in seconds
  'delete-removed', // gone from the store
  // way A: kubelet and runtime
  'pod-seen', // the kubelet sees the pod for the first time
  'container-started', // detail.container, detail.pid
  'pod-ready', // Ready=True written
  'delete-seen', // the kubelet sees the deletionTimestamp; detail.grace
  'prestop-started', // detail.container
  'prestop-ended', // detail.container, detail.ok
  'signal-sent', // detail.container, detail.signal ('SIGTERM' | 'SIGKILL' | ...), detail.pid; cause
  'container-exited', // detail.container, detail.code
  'status-written', // terminal status accepted by the API server
  'final-delete', // delete with grace 0 accepted
  // way B: routing
  'endpoint-added', // detail.service; ready and written to the slice
  'endpoint-terminating', // written to the slice; detail.service, detail.serving
  'endpoint-removed', // entry gone from the slice; detail.service
  'rules-changed', // a proxy applied rules; detail.service, detail.backends (addresses, comma between), detail.node, object = the service
] as const

export type Step = (typeof STEPS)[number]

export type EbbTracer = Tracer<Step>
export type EbbTraceEvent = TraceEvent<Step>

const steps: ReadonlySet<unknown> = new Set(STEPS)

/** What is wrong with a value as an event of the trace, that came from outside; undefined: it is one. */
export function traceEventError(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no object'
  const { at, component, step, object, cause, detail } = value as Readonly<Record<string, unknown>>
  if (typeof at !== 'number') return 'has no time: "at" must be a number of milliseconds'
  if (typeof component !== 'string' || typeof object !== 'string') return 'lacks its "component" or "object"'
  if (!steps.has(step)) return `has a "step" that is none: ${JSON.stringify(step) ?? 'nothing'}`
  if (cause !== undefined && typeof cause !== 'string') return 'has a "cause" that is no text'
  return detail === undefined || isFlat(detail)
    ? undefined
    : 'has a "detail" that is no object of texts, numbers and booleans'
}

function isFlat(detail: unknown): boolean {
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) return false
  return Object.values(detail).every((fact) => ['string', 'number', 'boolean'].includes(typeof fact))
}
