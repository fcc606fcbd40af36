/** Pod v1: names, strategies of its ways of writing, grace. The rules themselves are in the pod-*.ts files beside. */
import { labelNameErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import { isTerminalPhase } from '../../api/pod-phase.ts'
import type { Pod, PodSpec } from '../../api/types/core-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ActionDeclaration, Context, ResourceDeclaration, WriteStrategy } from '../declaration.ts'
import { declare, keepBesides, proxyAction } from '../declare.ts'
import { admitPodSecurity } from '../pod-security/admit.ts'
import { admitPod, admitTolerations, keepPriority } from './pod-admission.ts'
import { defaultPod, dropGatedFields } from './pod-defaults.ts'
import { podRow, podRowConditions } from './pod-printing.ts'
import { qosClass } from './pod-qos.ts'
import { ephemeralUpdateErrors, podStatusErrors, podUpdateErrors, resized, resizeErrors } from './pod-update.ts'
import { podCreateErrors } from './pod-validation.ts'
import { podWarnings } from './pod-warnings.ts'

/** Subresources of the spec leave what clients own of the metadata alone. */
function keepMetadata(draft: Draft<Pod>, old: Pod): void {
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    if (old.metadata[key]) Object.assign(draft.metadata, { [key]: old.metadata[key] })
    else delete draft.metadata[key]
  }
}

const ephemeralContainers: WriteStrategy<Pod> = {
  prepare(draft, old) {
    if (!old) return
    const { ephemeralContainers: wanted } = draft.spec
    keepBesides(draft, old, ['metadata'])
    keepMetadata(draft, old)
    draft.spec = { ...(old.spec as Draft<Pod>['spec']) }
    if (wanted?.length) draft.spec.ephemeralContainers = wanted
    else delete draft.spec.ephemeralContainers
    if (!sameJson(wanted, old.spec.ephemeralContainers)) draft.metadata.generation = (old.metadata.generation ?? 0) + 1
  },
  validate: (object, old) => (old ? ephemeralUpdateErrors(object, old) : []),
  admit: admitPodSecurity,
}

/** Only requests, limits and their policies change; the pod's quality of service does not. */
const resize: WriteStrategy<Pod> = {
  prepare(draft, old) {
    if (!old) return
    const wanted = draft.spec
    keepBesides(draft, old, ['metadata'])
    keepMetadata(draft, old)
    draft.spec = resized(wanted as PodSpec, old.spec) as Draft<PodSpec>
    if (!sameJson(draft.spec, old.spec)) draft.metadata.generation = (old.metadata.generation ?? 0) + 1
  },
  validate: (object, old) => (old ? resizeErrors(object, old) : []),
  admit: admitPodSecurity,
}

const CONNECT: readonly ActionDeclaration[] = [
  { name: 'attach', handler: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  { name: 'exec', handler: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
  { name: 'portforward', handler: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
]

export const pod: ResourceDeclaration<Pod> = declare<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.Pod',
  generation: 'spec',
  status: 'owned',
  default: defaultPod,
  prepare(draft, old, context) {
    dropGatedFields(draft.spec)
    if (!old) return prepareNew(draft, context)
    admitTolerations(draft.spec)
    keepPriority(draft.spec, old.spec)
  },
  validate: (object, old) => (old ? podUpdateErrors(object, old) : podCreateErrors(object)),
  admit: admitPodSecurity,
  // Updates are seldom made by people, and often by machines.
  warn(object, old, { warn }) {
    if (old) return
    const messages = labelNameErrors(object.metadata.name ?? '')
    if (messages.length > 0)
      warn(
        `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
      )
    podWarnings(object, '', warn)
  },
  prepareStatus(draft, old) {
    draft.status ??= {}
    draft.status.qosClass ||= old.status?.qosClass ?? qosClass(old.spec)
    if (old.metadata.ownerReferences) draft.metadata.ownerReferences = old.metadata.ownerReferences as never
    else delete draft.metadata.ownerReferences
  },
  validateStatus: podStatusErrors,
  subresources: [
    { name: 'ephemeralcontainers', verbs: ['get', 'patch', 'update'], strategy: ephemeralContainers },
    { name: 'resize', verbs: ['get', 'patch', 'update'], strategy: resize },
  ],
  actions: [
    ...CONNECT,
    { name: 'binding', handler: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'eviction', handler: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    { name: 'log', handler: 'log', kind: 'Pod', verbs: ['get'] },
    proxyAction('Pod'),
  ],
  fields: {
    'spec.nodeName': (p) => p.spec.nodeName ?? '',
    'spec.restartPolicy': (p) => p.spec.restartPolicy ?? '',
    'spec.schedulerName': (p) => p.spec.schedulerName ?? '',
    'spec.serviceAccountName': (p) => p.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (p) => String(p.spec.hostNetwork ?? false),
    'status.phase': (p) => p.status?.phase ?? '',
    'status.podIP': (p) => p.status?.podIP ?? '',
    // Accepted, and never equal to anything: Kubernetes does not fill it.
    'status.podIPs': () => '',
    'status.nominatedNodeName': (p) => p.status?.nominatedNodeName ?? '',
  },
  row: podRow,
  rowConditions: podRowConditions,
  delete: { returnsObject: true, graceSeconds },
})

function prepareNew(draft: Draft<Pod>, context: Context): void {
  const { spec } = draft
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1
  admitPod(draft, context)
  draft.status = { phase: 'Pending', qosClass: qosClass(spec as Pod['spec']) }
  if (!spec.schedulingGates?.length) return
  draft.status.conditions = [
    {
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null as never,
      lastTransitionTime: context.now,
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    },
  ]
}

/** A pod that no node runs any more, or not yet, has nothing to end: it goes at once. */
function graceSeconds(object: Pod, requested: number | undefined): number {
  if (!object.spec.nodeName || isTerminalPhase(object.status?.phase)) return 0
  return requested ?? object.spec.terminationGracePeriodSeconds ?? 30
}
