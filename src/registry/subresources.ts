/** Subresources with a behaviour of their own that changes objects: binding and eviction. */
import { transitionTime } from '../api/conditions.ts'
import type { DeleteOptions, Draft, KubernetesObject } from '../api/object.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { conflict, failure } from '../api/status.ts'
import { rfc3339 } from '../api/time.ts'
import { deleteObject } from './delete.ts'
import { draftOf } from './draft.ts'
import { admissionOf, type Kit, type WriteOptions } from './kit.ts'
import type { StoredResource } from './resource.ts'
import { presentOrNotFound, update } from './write.ts'

/** The members of a pod that binding and eviction touch. */
interface PodLike extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string }
  readonly status?: { readonly conditions?: readonly Condition[]; readonly phase?: string }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastProbeTime?: string | null
  readonly lastTransitionTime?: string
}

export interface BindingRequest {
  readonly metadata?: {
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly target?: { readonly kind?: string; readonly name?: string }
}

/** Sets spec.nodeName once and for all, and says so in the condition PodScheduled. */
export async function bind(
  kit: Kit,
  resource: StoredResource,
  request: BindingRequest,
  options: WriteOptions,
): Promise<void> {
  const target = request.target ?? {}
  const problems = []
  if (target.kind && target.kind !== 'Node')
    problems.push(`target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`)
  if (!target.name) problems.push('target.name: Required value')
  if (problems.length > 0)
    throw failure(500, '', problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`)
  await update(
    kit,
    resource,
    {
      subresource: 'binding',
      manages: false,
      strategy: {},
      unconditional: true,
      uid: request.metadata?.uid,
      transform: (current) => assign(kit, current as PodLike, { request, options }),
    },
    options,
  )
}

function assign(
  kit: Kit,
  pod: PodLike,
  { request, options }: { request: BindingRequest; options: WriteOptions },
): Draft<KubernetesObject> {
  const refuse = (why: string) => conflict({ group: '', resource: 'pods/binding' }, options.name, why)
  const { metadata } = pod
  const { target, metadata: sent } = request
  if (metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${options.name} is being deleted, cannot be assigned to a host`)
  if (pod.spec?.nodeName)
    throw refuse(`pod ${options.name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`)
  const draft = draftOf(pod) as Draft<PodLike>
  draft.spec = { ...draft.spec, nodeName: target?.name ?? '' }
  if (sent?.annotations) draft.metadata.annotations = { ...draft.metadata.annotations, ...sent.annotations }
  if (sent?.labels) draft.metadata.labels = { ...draft.metadata.labels, ...sent.labels }
  setCondition(draft, { type: 'PodScheduled', status: 'True' }, rfc3339(kit.clock.now()))
  return draft as Draft<KubernetesObject>
}

/** Puts a condition in the status; its time of transition moves only when its value does. */
function setCondition(
  draft: Draft<PodLike>,
  condition: { type: string; status: string; reason?: string; message?: string },
  now: string,
): void {
  const conditions = draft.status?.conditions ?? []
  draft.status = { ...draft.status, conditions }
  const at = conditions.findIndex((c) => c.type === condition.type)
  const old = conditions[at]
  const next = { lastProbeTime: null, lastTransitionTime: transitionTime(old, condition.status, now), ...condition }
  if (at < 0) conditions.push(next)
  else conditions[at] = next
}

/** Mutating and validating admission of something that is created below an object and not stored. */
export async function admitCreate(
  kit: Kit,
  target: { readonly resource: StoredResource; readonly subresource: string },
  { options, object }: { options: WriteOptions; object: Draft<KubernetesObject> },
): Promise<void> {
  const attributes = admissionOf(kit, { ...target, operation: 'CREATE' }, options, undefined)
  await kit.admission.mutate(attributes, object)
  await kit.admission.validate(attributes, object as KubernetesObject)
}

/** Eviction API: the pod says why it goes (condition DisruptionTarget), then it is deleted like by anybody else. */
export async function evict(
  kit: Kit,
  resource: StoredResource,
  options: WriteOptions,
  request: DeleteOptions,
): Promise<void> {
  const eviction: Draft<KubernetesObject> = { metadata: { namespace: options.namespace, name: options.name } }
  await admitCreate(kit, { resource, subresource: 'eviction' }, { options, object: eviction })
  const pod = presentOrNotFound(kit, resource, options).object as PodLike
  const finished = isTerminalPhase(pod.status?.phase)
  if (!finished && pod.spec?.nodeName && pod.metadata.deletionTimestamp === undefined && !options.dryRun)
    await markDisrupted(kit, resource, options)
  await deleteObject(kit, resource, options, request)
}

async function markDisrupted(kit: Kit, resource: StoredResource, options: WriteOptions): Promise<void> {
  const now = rfc3339(kit.clock.now())
  const transform = (current: KubernetesObject) => {
    const draft = draftOf(current) as Draft<PodLike>
    const message = 'Eviction API: evicting'
    setCondition(draft, { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message }, now)
    return draft as Draft<KubernetesObject>
  }
  await update(
    kit,
    resource,
    { subresource: 'status', manages: false, strategy: {}, unconditional: true, transform },
    options,
  )
}
