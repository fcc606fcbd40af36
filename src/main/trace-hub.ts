/**
 * The one stream of trace events of a cluster: the control plane's own, and those that its nodes send. Keeps the last ones for
 * readers who come late; `ebb-routes.ts` serves it.
 */
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import { Ring } from '../base/ring.ts'

/** Events kept; older ones are forgotten. About 200 bytes each. */
const TRACE_EVENTS_MAX = 20_000

export class TraceHub {
  private readonly kept = new Ring<EbbTraceEvent>(TRACE_EVENTS_MAX)
  private readonly listeners = new Set<(event: EbbTraceEvent) => void>()

  readonly emit = (event: EbbTraceEvent): void => {
    this.kept.push(event)
    for (const listener of this.listeners) listener(event)
  }

  /** Kept events at or after `sinceMs`, in the order of arrival. */
  since(sinceMs: number): readonly EbbTraceEvent[] {
    const found: EbbTraceEvent[] = []
    for (let i = 0; i < this.kept.length; i++) {
      const event = this.kept.at(i) as EbbTraceEvent
      if (event.at >= sinceMs) found.push(event)
    }
    return found
  }

  subscribe(listener: (event: EbbTraceEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
