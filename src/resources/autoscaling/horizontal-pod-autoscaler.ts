/** HorizontalPodAutoscaler autoscaling/v2: stored and shown; nothing is scaled by it yet. */
import { type FieldError, invalid, required } from '../../api/field-error.ts'
import type { HorizontalPodAutoscaler } from '../../api/types/autoscaling-v2.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { shortList, since } from '../format.ts'

export const horizontalPodAutoscaler: ResourceDeclaration<HorizontalPodAutoscaler> = declare<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  status: 'owned',
  emptyStatus: () => ({ desiredReplicas: 0, currentMetrics: null }),
  default(draft) {
    draft.spec ??= {} as typeof draft.spec & object
    const { spec } = draft
    if (!spec) return
    spec.minReplicas ??= 1
    if (!spec.metrics?.length) {
      const target = { type: 'Utilization', averageUtilization: 80 }
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }]
    }
  },
  validate: (object) => scalerErrors(object),
  row: scalerRow,
})

export function scalerRow(h: HorizontalPodAutoscaler, now: number): (string | number)[] {
  return [
    h.metadata.name ?? '',
    `${h.spec?.scaleTargetRef?.kind}/${h.spec?.scaleTargetRef?.name}`,
    targets(h),
    String(h.spec?.minReplicas ?? '<unset>'),
    h.spec?.maxReplicas ?? 0,
    h.status?.currentReplicas ?? 0,
    since(h.metadata.creationTimestamp, now),
  ]
}

export function scalerErrors({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = []
  if (!spec?.scaleTargetRef?.kind) errors.push(required('spec.scaleTargetRef.kind'))
  if (!spec?.scaleTargetRef?.name) errors.push(required('spec.scaleTargetRef.name'))
  const least = spec?.minReplicas ?? 1
  const most = spec?.maxReplicas ?? 0
  if (least < 1) errors.push(invalid('spec.minReplicas', least, 'must be greater than or equal to 1'))
  if (most < 1) errors.push(invalid('spec.maxReplicas', most, 'must be greater than 0'))
  if (most < least) errors.push(invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`'))
  return errors
}

function targets({ spec }: HorizontalPodAutoscaler): string {
  const cells = (spec?.metrics ?? []).map(({ resource }) => {
    if (!resource) return '<unknown type>'
    const { averageUtilization, averageValue } = resource.target
    return `${resource.name}: <unknown>/${averageUtilization !== undefined ? `${averageUtilization}%` : (averageValue ?? '<auto>')}`
  })
  return shortList(cells, 2) || '<none>'
}
