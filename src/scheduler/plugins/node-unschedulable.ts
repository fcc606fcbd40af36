import { tolerates } from '../../api/toleration.ts'
import type { FilterPlugin } from '../plugin.ts'

const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

/** Cordoned nodes take no new pods. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter({ spec }, { node }) {
    if (!node.spec?.unschedulable) return undefined
    if ((spec.tolerations ?? []).some((toleration) => tolerates(toleration, TAINT))) return undefined
    return { reasons: ['node(s) were unschedulable'], preemptable: false }
  },
}
