/** HorizontalPodAutoscaler autoscaling/v1: a view of v2 that knows one metric, the CPU's. */
import type { KubernetesObject } from '../../api/object.ts'
import type { HorizontalPodAutoscaler } from '../../api/types/autoscaling-v1.gen.ts'
import type { HorizontalPodAutoscaler as Stored } from '../../api/types/autoscaling-v2.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { scalerErrors, scalerRow } from './horizontal-pod-autoscaler.ts'

const CPU_PERCENT = 80

export const horizontalPodAutoscalerV1: ResourceDeclaration<HorizontalPodAutoscaler> = declare<HorizontalPodAutoscaler>(
  {
    group: 'autoscaling',
    version: 'v1',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
    categories: ['all'],
    namespaced: true,
    definition: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
    status: 'owned',
    emptyStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
    default(draft) {
      draft.spec ??= {} as typeof draft.spec & object
      if (!draft.spec) return
      draft.spec.minReplicas ??= 1
      draft.spec.targetCPUUtilizationPercentage ??= CPU_PERCENT
    },
    validate: (object) => scalerErrors(toStored(object)),
    row: (object, now) => scalerRow(toStored(object), now),
    storage: {
      key: 'horizontalpodautoscalers',
      toStored: (object) => toStored(object) as unknown as KubernetesObject,
      fromStored: (object) => fromStored(object as Stored),
    },
  },
)

function toStored({ metadata, spec, status }: HorizontalPodAutoscaler): Stored {
  const { targetCPUUtilizationPercentage: percent = CPU_PERCENT, ...rest } = spec ?? ({} as NonNullable<typeof spec>)
  const target = { type: 'Utilization', averageUtilization: percent }
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata,
    spec: { ...rest, metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }] },
    status: { currentMetrics: null as never, ...status, desiredReplicas: status?.desiredReplicas ?? 0 },
  }
}

function fromStored({ metadata, spec, status }: Stored): HorizontalPodAutoscaler {
  const { metrics = [], behavior: _, ...rest } = spec ?? ({} as NonNullable<typeof spec>)
  const cpu = metrics.find((metric) => metric.resource?.name === 'cpu')?.resource?.target.averageUtilization
  const current = status?.currentReplicas ?? 0
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { ...rest, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
    status: {
      currentReplicas: current,
      desiredReplicas: status?.desiredReplicas ?? 0,
      ...(status?.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
      ...(status?.lastScaleTime === undefined ? {} : { lastScaleTime: status.lastScaleTime }),
    },
  }
}
