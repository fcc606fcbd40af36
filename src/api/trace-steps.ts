import type { TraceEvent, Tracer } from '../base/trace.ts'

/**
 * The steps of a pod's end (and its start), as every reader of the trace knows them: logs, the lab's classifier,
 * the timeline, the simulator's checkers. Way A is the kubelet's, way B the routing's; neither waits for the other.
 */
export type Step =
  // API server
  | 'delete-marked' // deletionTimestamp set; detail.grace in seconds
  | 'delete-removed' // gone from the store
  // way A: kubelet and runtime
  | 'pod-seen' // the kubelet sees the pod for the first time
  | 'container-started' // detail.container, detail.pid
  | 'pod-ready' // Ready=True written
  | 'delete-seen' // the kubelet sees the deletionTimestamp; detail.grace
  | 'prestop-started' // detail.container
  | 'prestop-ended' // detail.container, detail.ok
  | 'signal-sent' // detail.container, detail.signal ('SIGTERM' | 'SIGKILL' | ...), detail.pid; cause
  | 'container-exited' // detail.container, detail.code
  | 'status-written' // terminal status accepted by the API server
  | 'final-delete' // delete with grace 0 accepted
  // way B: routing
  | 'endpoint-added' // detail.service; ready and written to the slice
  | 'endpoint-terminating' // written to the slice; detail.service, detail.serving
  | 'endpoint-removed' // entry gone from the slice; detail.service
  | 'rules-changed' // a proxy applied rules; detail.service, detail.backends (addresses, comma between), detail.node, object = the service

export type EbbTracer = Tracer<Step>
export type EbbTraceEvent = TraceEvent<Step>
