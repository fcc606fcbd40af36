/** Pure: the conditions of a namespace that is being emptied. Types, reasons and texts are Kubernetes'. */
import { transitionTime } from '../../api/conditions.ts'
import type { KubernetesObject } from '../../api/object.ts'
import type { NamespaceCondition, Pod } from '../../api/types/core-v1.gen.ts'
import type { Resource } from '../../client/api-client.ts'
import { isTerminal } from '../pod-state.ts'

/** What a round of emptying came to. */
export interface Emptying {
  readonly discoveryFailures: readonly { readonly groupVersion: string; readonly error: unknown }[]
  readonly deletionFailures: readonly string[]
  /** What is left of each resource, after its deletion was asked for. */
  readonly remaining: readonly { readonly resource: Resource; readonly objects: readonly KubernetesObject[] }[]
}

type Content = Pick<NamespaceCondition, 'type' | 'status' | 'reason' | 'message'>

/** The conditions of a round; `old` itself when nothing changes. `now` in RFC 3339. */
export function namespaceConditions(
  old: readonly NamespaceCondition[],
  emptying: Emptying,
  now: string,
): readonly NamespaceCondition[] {
  const result = [...old]
  let changed = false
  for (const wanted of conditionsOf(emptying)) {
    const at = result.findIndex((condition) => condition.type === wanted.type)
    const present = result[at]
    if (present?.status === wanted.status && present.reason === wanted.reason && present.message === wanted.message)
      continue
    const next = { ...wanted, lastTransitionTime: transitionTime(present, wanted.status, now) }
    if (at < 0) result.push(next)
    else result[at] = next
    changed = true
  }
  return changed ? result : old
}

function conditionsOf({ discoveryFailures, deletionFailures, remaining }: Emptying): readonly Content[] {
  const failing = discoveryFailures.map(({ groupVersion, error }) => `${groupVersion}: ${(error as Error).message}`)
  const left = remaining.filter(({ objects }) => objects.length > 0)
  return [
    failing.length > 0
      ? {
          type: 'NamespaceDeletionDiscoveryFailure',
          status: 'True',
          reason: 'DiscoveryFailed',
          message: `Discovery failed for some groups, ${failing.length} failing: unable to retrieve the complete list of server APIs: ${failing.join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionDiscoveryFailure',
          status: 'False',
          reason: 'ResourcesDiscovered',
          message: 'All resources successfully discovered',
        },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    deletionFailures.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          status: 'True',
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${deletionFailures.length} remaining: ${[...deletionFailures].sort().join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionContentFailure',
          status: 'False',
          reason: 'ContentDeleted',
          message: 'All content successfully deleted, may be waiting on finalization',
        },
    contentCondition(left),
    finalizerCondition(left),
  ]
}

function contentCondition(left: Emptying['remaining']): Content {
  if (left.length === 0)
    return {
      type: 'NamespaceContentRemaining',
      status: 'False',
      reason: 'ContentRemoved',
      message: 'All content successfully removed',
    }
  const lines = left.map(
    ({ resource, objects }) => `${resource.plural}.${resource.group} has ${objects.length} resource instances`,
  )
  return {
    type: 'NamespaceContentRemaining',
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: `Some resources are remaining: ${lines.sort().join(', ')}`,
  }
}

function finalizerCondition(left: Emptying['remaining']): Content {
  const counts = new Map<string, number>()
  for (const { objects } of left)
    for (const { metadata } of objects)
      for (const finalizer of metadata.finalizers ?? []) counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1)
  if (counts.size === 0)
    return {
      type: 'NamespaceFinalizersRemaining',
      status: 'False',
      reason: 'ContentHasNoFinalizers',
      message: 'All content-preserving finalizers finished',
    }
  const lines = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
  return {
    type: 'NamespaceFinalizersRemaining',
    status: 'True',
    reason: 'SomeFinalizersRemain',
    message: `Some content in the namespace has finalizers remaining: ${lines.sort().join(', ')}`,
  }
}

/** Kubernetes' sentence about objects that should be gone by now; the resource as Go prints it, `/v1, Resource=pods`. */
export function unexpectedItems(namespace: string, { group, version, plural }: Resource): string {
  return `unexpected items still remain in namespace: ${namespace} for gvr: ${group}/${version}, Resource=${plural}`
}

/** After a finalizer was met, how long it is given before the next look; Kubernetes counts 15 s, and looks at half of it. */
const FINALIZER_ESTIMATE_SECONDS = 15

/**
 * In how many seconds the pods may be gone, by their grace, from the namespace's deletion on (`sinceMs` ago); 0 when they
 * should be gone already. Pods that finalizers hold have their own estimate.
 */
export function podsEstimateSeconds(pods: readonly Pod[], sinceMs: number): number {
  const graces = pods.filter((pod) => !isTerminal(pod)).map((pod) => pod.spec.terminationGracePeriodSeconds ?? 0)
  const grace = Math.max(0, ...graces)
  if (sinceMs < grace * 1000) return grace
  return pods.some((pod) => (pod.metadata.finalizers ?? []).length > 0) ? FINALIZER_ESTIMATE_SECONDS : 0
}
