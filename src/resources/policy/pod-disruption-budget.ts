/** PodDisruptionBudget policy/v1. */
import { addErrors, type FieldError, invalid } from '../../api/field-error.ts'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { intOrPercentErrors, moreThan100PercentErrors } from '../int-or-percent.ts'
import { labelSelectorErrors } from '../label-selector.ts'

export const podDisruptionBudget: ResourceDeclaration<PodDisruptionBudget> = declare<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  definition: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  default(draft) {
    draft.spec ??= {}
  },
  validate: (object) => budgetErrors(object),
  row: (p, now) => [
    p.metadata.name ?? '',
    String(p.spec?.minAvailable ?? 'N/A'),
    String(p.spec?.maxUnavailable ?? 'N/A'),
    p.status?.disruptionsAllowed ?? 0,
    since(p.metadata.creationTimestamp, now),
  ],
})

function budgetErrors({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = []
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    const shown = { MinAvailable: spec.minAvailable, Selector: spec.selector, MaxUnavailable: spec.maxUnavailable }
    errors.push(invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set'))
  }
  for (const key of ['minAvailable', 'maxUnavailable'] as const) {
    const value = spec[key]
    if (value === undefined) continue
    addErrors(errors, [...intOrPercentErrors(`spec.${key}`, value), ...moreThan100PercentErrors(`spec.${key}`, value)])
  }
  if (spec.selector) addErrors(errors, labelSelectorErrors('spec.selector', spec.selector))
  return errors
}
