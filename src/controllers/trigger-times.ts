import { conditionOf } from '../api/conditions.ts'
import { parseTime, rfc3339 } from '../api/time.ts'
import type { Pod, Service } from '../api/types/core-v1.gen.ts'

/**
 * When that happened which a controller of endpoints is about to write, for the annotation from which the delay until rules
 * follow is measured: the earliest change of readiness that it had not seen before, at first the creation of the Service. What
 * leaves no time behind, such as a pod's end, has none.
 */
export class TriggerTimes {
  /** By Service, and by pod. */
  private readonly seen = new Map<string, ReadonlyMap<string, number>>()

  /** RFC 3339. `key` is the Service's; each call counts as having seen what it is given. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.seen.get(key)
    const now = new Map<string, number>()
    for (const pod of pods) {
      const at = parseTime(conditionOf(pod.status, 'Ready')?.lastTransitionTime ?? '')
      if (at !== undefined) now.set(pod.metadata.name ?? '', at)
    }
    this.seen.set(key, now)
    if (!before) return service.metadata.creationTimestamp
    const changes = [...now].filter(([name, at]) => at > (before.get(name) ?? 0)).map(([, at]) => at)
    return changes.length > 0 ? rfc3339(Math.min(...changes)) : undefined
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.seen.delete(key)
  }
}
