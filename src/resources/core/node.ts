/** Node v1. */
import { type FieldError, forbiddenField } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { Node } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'
const ROLE_PREFIX = 'node-role.kubernetes.io/'

export const node: ResourceDeclaration<Node> = declare<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  definition: 'io.k8s.api.core.v1.Node',
  status: 'open',
  default(draft) {
    draft.spec ??= {}
    defaultPodCidrs(draft)
    const status = draft.status
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity }
    for (const address of status?.addresses ?? []) address.address ??= ''
  },
  prepare(draft, old) {
    if (old) return
    draft.status = { ...emptyStatus(), ...draft.status }
    taintUntilReady(draft)
  },
  validate: (object, old) => (old ? cidrErrors(object, old) : []),
  fields: { 'spec.unschedulable': (n) => String(n.spec?.unschedulable ?? false) },
  row: nodeRow,
})

function emptyStatus(): Draft<NonNullable<Node['status']>> {
  return {
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {
      machineID: '',
      systemUUID: '',
      bootID: '',
      kernelVersion: '',
      osImage: '',
      containerRuntimeVersion: '',
      kubeletVersion: '',
      kubeProxyVersion: '',
      operatingSystem: '',
      architecture: '',
    },
  }
}

/** podCIDR is the first of podCIDRs; either may be given alone. */
function defaultPodCidrs(draft: Draft<Node>): void {
  const spec = draft.spec
  if (!spec) return
  if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
  else if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0]
}

/** Admission of new nodes (TaintNodesByCondition): nothing is scheduled to a node before it has said that it is ready. */
function taintUntilReady(draft: Draft<Node>): void {
  draft.spec ??= {}
  const taints = draft.spec.taints ?? []
  if (taints.some((taint) => taint.key === NOT_READY && taint.effect === 'NoSchedule')) return
  draft.spec.taints = [...taints, { key: NOT_READY, effect: 'NoSchedule' }]
}

function cidrErrors(object: Node, old: Node): FieldError[] {
  const before = old.spec?.podCIDRs ?? []
  const after = object.spec?.podCIDRs ?? []
  if (before.length === 0 || before.join() === after.join()) return []
  return [forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')]
}

function nodeRow(n: Node, now: number): string[] {
  const info = n.status?.nodeInfo
  const address = (type: string) => n.status?.addresses?.find((a) => a.type === type)?.address || '<none>'
  return [
    n.metadata.name ?? '',
    nodeStatus(n),
    nodeRoles(n),
    since(n.metadata.creationTimestamp, now),
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info?.osImage || '<unknown>',
    info?.kernelVersion || '<unknown>',
    info?.containerRuntimeVersion || '<unknown>',
  ]
}

function nodeStatus(n: Node): string {
  const ready = n.status?.conditions?.find((c) => c.type === 'Ready')
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown']
  if (n.spec?.unschedulable) words.push('SchedulingDisabled')
  return words.join(',')
}

function nodeRoles(n: Node): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(n.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length))
    else if (key === 'kubernetes.io/role' && value) roles.add(value)
  }
  return [...roles].sort().join(',') || '<none>'
}
