/** Node v1. */
import { conditionOf } from '../../api/conditions.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelValueErrors, qualifiedNameErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { Node, NodeSystemInfo } from '../../api/types/core-v1.gen.ts'
import { cidrErrors, ipVersion } from '../addresses.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare, proxyAction } from '../declare.ts'
import { since } from '../format.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
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
  validate: (object, old) => [
    ...(old ? [] : podCidrErrors(object)),
    ...taintErrors(object),
    ...amountErrors(object),
    ...(old ? changeErrors(object, old) : []),
  ],
  validateStatus: (object) => [...amountErrors(object), ...addressErrors(object)],
  actions: [proxyAction('Node')],
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

function taintErrors({ spec }: Node): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, taint] of (spec?.taints ?? []).entries()) {
    // The path is Kubernetes' own.
    const field = `metadata.taints[${i}]`
    const { key, value = '', effect } = taint
    for (const message of qualifiedNameErrors(key)) errors.push(invalid(`${field}.key`, key, message))
    const messages = labelValueErrors(value)
    if (messages.length > 0) errors.push(invalid(`${field}.value`, value, messages.join(';')))
    if (!effect) errors.push(required(`${field}.effect`))
    else if (!EFFECTS.includes(effect)) errors.push(notSupported(`${field}.effect`, effect, EFFECTS))
    if (seen.has(`${effect}/${key}`)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: taint.timeAdded ?? null }
      const { message, ...error } = duplicate(field, shown)
      errors.push({ ...error, message: `${message}: taints must be unique by key and effect pair` })
    }
    seen.add(`${effect}/${key}`)
  }
  return errors
}

function podCidrErrors({ spec }: Node): FieldError[] {
  const cidrs = spec?.podCIDRs ?? []
  const errors = cidrs.flatMap((cidr, i) =>
    cidrErrors(cidr).map((message) => invalid(`spec.podCIDRs[${i}]`, cidr, message)),
  )
  const families = new Set(cidrs.map((cidr) => ipVersion(cidr.split('/', 1)[0] ?? '')))
  if (errors.length === 0 && families.size < cidrs.length)
    errors.push(invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'))
  return errors
}

function amountErrors({ status }: Node): FieldError[] {
  const errors: FieldError[] = []
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, value] of Object.entries(status?.[list] ?? {})) {
      if (value.startsWith('-'))
        errors.push(invalid(`status.${list}.${name}`, value, 'must be greater than or equal to 0'))
    }
  }
  return errors
}

function addressErrors({ status }: Node): FieldError[] {
  const seen = new Set<string>()
  return (status?.addresses ?? []).flatMap(({ type, address }, i) => {
    const key = `${type}/${address}`
    if (seen.has(key)) return [duplicate(`status.addresses[${i}]`, { Type: type, Address: address })]
    seen.add(key)
    return []
  })
}

/** Who a node is does not change once it is said. */
function changeErrors(object: Node, old: Node): FieldError[] {
  const errors: FieldError[] = []
  const before = old.spec?.podCIDRs ?? []
  const after = object.spec?.podCIDRs ?? []
  if (before.length > 0 && before.join() !== after.join()) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  const id = old.spec?.providerID
  if (id && id !== object.spec?.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  return errors
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
    kernel(info),
    info?.containerRuntimeVersion || '<unknown>',
  ]
}

/** `6.18.44 (amd64)` */
function kernel(info: NodeSystemInfo | undefined): string {
  if (!info?.kernelVersion) return '<unknown>'
  return info.architecture ? `${info.kernelVersion} (${info.architecture})` : info.kernelVersion
}

function nodeStatus(n: Node): string {
  const ready = conditionOf(n.status, 'Ready')
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
