import { parseTime, rfc3339 } from '../api/time.ts'
import type { Pod, Service } from '../api/types/core-v1.gen.ts'
import { podCondition } from './pod-state.ts'

/**
 * When that happened which a controller of endpoints is about to write, for the annotation from which the delay until rules
 * follow is measured: the earliest change of readiness, or the creation of the Service, that it had not seen before. What
 * leaves no time behind, such as a pod's end, has none.
 */
export class TriggerTimes {
  private readonly seen = new Map<string, { readonly service: number; readonly pods: ReadonlyMap<string, number> }>()

  /** RFC 3339. `key` is the Service's; each call counts as having seen what it is given. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.seen.get(key)
    const created = parseTime(service.metadata.creationTimestamp ?? '') ?? 0
    const changes = created > (before?.service ?? 0) ? [created] : []
    const times = new Map<string, number>()
    for (const pod of pods) {
      const at = parseTime(podCondition(pod, 'Ready')?.lastTransitionTime ?? '')
      if (at === undefined) continue
      const name = pod.metadata.name ?? ''
      times.set(name, at)
      if (at > (before?.pods.get(name) ?? 0)) changes.push(at)
    }
    this.seen.set(key, { service: created, pods: times })
    return changes.length > 0 ? rfc3339(Math.min(...changes)) : undefined
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.seen.delete(key)
  }
}
