/** Pure: which pods nobody will finish. */
import { isConditionTrue } from '../../api/conditions.ts'
import type { Node, Pod } from '../../api/types/core-v1.gen.ts'
import { isTerminal } from '../pod-state.ts'

export interface PodGcState {
  readonly pods: Iterable<Pod>
  /** Terminal pods kept at most; 0 or less: no limit. */
  readonly terminatedThreshold: number
  /** Nodes that are certainly gone. */
  readonly goneNodes: ReadonlySet<string>
  /** Nodes that are not ready, and of which somebody says by a taint that nothing runs there any more. */
  readonly outOfService: ReadonlySet<string>
}

export interface PodGcPlan {
  /** Terminal pods beyond the threshold, oldest first. */
  readonly terminated: readonly Pod[]
  /** Pods bound to nodes that are gone. */
  readonly orphaned: readonly Pod[]
  /** Marked for deletion and bound to no node: no kubelet will ever end them. */
  readonly unscheduled: readonly Pod[]
  /** Marked for deletion on nodes out of service. */
  readonly abandoned: readonly Pod[]
}

export function planPodGc({ pods, terminatedThreshold, goneNodes, outOfService }: PodGcState): PodGcPlan {
  const terminal: Pod[] = []
  const orphaned: Pod[] = []
  const unscheduled: Pod[] = []
  const abandoned: Pod[] = []
  for (const pod of pods) {
    const { nodeName } = pod.spec
    if (nodeName && goneNodes.has(nodeName)) orphaned.push(pod)
    else if (pod.metadata.deletionTimestamp !== undefined && !nodeName) unscheduled.push(pod)
    else if (pod.metadata.deletionTimestamp !== undefined && nodeName && outOfService.has(nodeName)) abandoned.push(pod)
    else if (isTerminal(pod)) terminal.push(pod)
  }
  const surplus = terminatedThreshold > 0 ? Math.max(0, terminal.length - terminatedThreshold) : 0
  return { terminated: terminal.sort(byCreation).slice(0, surplus), orphaned, unscheduled, abandoned }
}

function byCreation(a: Pod, b: Pod): number {
  const left = a.metadata.creationTimestamp ?? ''
  const right = b.metadata.creationTimestamp ?? ''
  return left === right ? 0 : left < right ? -1 : 1
}

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service'

export function isOutOfService({ spec, status }: Node): boolean {
  return !isConditionTrue(status, 'Ready') && (spec?.taints ?? []).some((taint) => taint.key === OUT_OF_SERVICE)
}
