import { conditionOf } from '../api/conditions.ts'
import { keyOf } from '../api/object.ts'
import type { Pod, Service } from '../api/types/core-v1.gen.ts'
import type { Informer } from '../client/informer.ts'
import { mapMatches } from './label-match.ts'
import { hasPods } from './service-endpoints.ts'

/** Finds the pods of a Service and the Services of a pod, and tells which Services a change concerns. */
export class ServiceBackends {
  private readonly services: Informer<Service>
  private readonly pods: Informer<Pod>

  constructor(services: Informer<Service>, pods: Informer<Pod>) {
    this.services = services
    this.pods = pods
  }

  podsOf({ metadata, spec }: Service): Pod[] {
    const selector = spec?.selector ?? {}
    // One pair narrows it by index, the others are looked at.
    const [pair] = Object.entries(selector)
    if (!pair) return []
    return this.pods.lister
      .labelled(pair[0], pair[1])
      .filter((pod) => pod.metadata.namespace === metadata.namespace && mapMatches(selector, pod.metadata.labels))
  }

  /** Calls `enqueue` with the key of each Service that a change of Services or pods may concern. */
  watch(enqueue: (key: string) => void): void {
    const own = (service: Service) => enqueue(keyOf(service))
    this.services.on({ add: own, update: own, delete: own })
    const changed = (pod: Pod, old?: Pod) => {
      for (const service of this.services.lister.inNamespace(pod.metadata.namespace ?? '')) {
        if (!hasPods(service)) continue
        const selector = service.spec?.selector ?? {}
        if (mapMatches(selector, pod.metadata.labels) || (old && mapMatches(selector, old.metadata.labels)))
          enqueue(keyOf(service))
      }
    }
    this.pods.on({
      add: (pod) => changed(pod),
      update: (pod, old) => {
        if (concernsEndpoints(pod, old)) changed(pod, old)
      },
      delete: (pod) => changed(pod),
    })
  }
}

/** Most changes of a pod's status (container states, heartbeats of probes) change nothing about its endpoint. */
function concernsEndpoints(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.metadata.labels !== old.metadata.labels ||
    pod.status?.phase !== old.status?.phase ||
    pod.status?.podIP !== old.status?.podIP ||
    pod.spec.nodeName !== old.spec.nodeName ||
    conditionOf(pod.status, 'Ready')?.status !== conditionOf(old.status, 'Ready')?.status
  )
}
