import { tolerates, untolerated } from '../../api/toleration.ts'
import { type FilterPlugin, fewerIsBetter, type ScorePlugin } from '../plugin.ts'

/** Taints keep pods away that do not tolerate them. A node that is not ready has one. */
export const taintToleration: FilterPlugin & ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  filter({ spec }, { node }) {
    const taint = untolerated(node.spec?.taints ?? [], spec.tolerations ?? [], ['NoSchedule', 'NoExecute'])
    return taint && { reasons: ['node(s) had untolerated taint(s)'], preemptable: false }
  },
  score({ spec }, nodes) {
    const tolerations = spec.tolerations ?? []
    const disliked = nodes.map(
      ({ node }) =>
        (node.spec?.taints ?? []).filter(
          (taint) =>
            taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
        ).length,
    )
    return fewerIsBetter(disliked)
  },
}
