/**
 * The admission plugin NodeRestriction: what a node writes concerns itself and the pods that are bound to it. The node
 * authorizer lets the request through, this looks into its body. Source: docs, "Admission Control"; plugin/pkg/admission.
 */
import { jsonEqual } from '../../api/json-equal.ts'
import type { KubernetesObject } from '../../api/object.ts'
import { type ApiError, forbidden, notFound } from '../../api/status.ts'
import type { Node, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.gen.ts'
import type { AdmissionAttributes } from '../../registry/admission-port.ts'
import { type Authorizer, decide, NOTHING } from '../authz/authorizer.ts'
import { nodeOf } from '../authz/node-authorizer.ts'
import { MIRROR_ANNOTATION, podReferences } from '../authz/pod-references.ts'

const LEASE_NAMESPACE = 'kube-node-lease'
const PODS = { group: '', resource: 'pods' }

/** Labels below kubernetes.io and k8s.io that a kubelet sets itself. */
const KUBELET_LABELS = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
])
const KUBELET_LABEL_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']

interface Request {
  readonly node: string
  readonly at: AdmissionAttributes
  /** undefined for a delete. */
  readonly object: KubernetesObject | undefined
  readonly authorizers: readonly Authorizer[]
}

/** Throws 403 for what a node may not write. */
export function restrictNode(
  at: AdmissionAttributes,
  object: KubernetesObject | undefined,
  authorizers: readonly Authorizer[],
): void {
  const node = nodeOf(at.user)
  if (node === undefined) return
  const request = { node, at, object, authorizers }
  if (node === '') throw refuse(request, `could not determine node from user ${JSON.stringify(at.user.name)}`)
  const { group, resource } = at.resource.groupResource
  RESTRICTED[`${group}/${resource}`]?.(request)
}

const RESTRICTED: Readonly<Record<string, (request: Request) => void>> = {
  '/pods': restrictPod,
  '/nodes': restrictOwnNode,
  '/persistentvolumeclaims': restrictClaim,
  '/serviceaccounts': restrictToken,
  'coordination.k8s.io/leases': restrictLease,
  'storage.k8s.io/csinodes': (request) =>
    requireOwnName(request, 'can only access CSINode with the same name as the requesting node'),
}

function refuse({ at, object }: Request, why: string): ApiError {
  const name = at.name || object?.metadata?.name || object?.metadata?.generateName || ''
  return forbidden(at.resource.groupResource, name, why)
}

const POD_REQUESTS: Readonly<Record<string, (request: Request) => void>> = {
  'CREATE ': restrictMirrorPod,
  'DELETE ': restrictPodDelete,
  'UPDATE status': restrictPodStatus,
  'CREATE eviction': restrictEviction,
}

function restrictPod(request: Request): void {
  const { operation, subresource } = request.at
  const restrict = POD_REQUESTS[`${operation} ${subresource}`]
  if (restrict) restrict(request)
  else if (subresource === '')
    throw refuse(
      request,
      `unexpected operation "${operation}", node "${request.node}" can only create and delete mirror pods`,
    )
  else if (subresource === 'status' || subresource === 'eviction')
    throw refuse(request, `unexpected operation "${operation}"`)
  else throw refuse(request, `unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`)
}

const isOn = (node: string, pod: KubernetesObject | undefined) => (pod as Pod | undefined)?.spec?.nodeName === node

function restrictPodDelete(request: Request): void {
  if (!isOn(request.node, request.at.old))
    throw refuse(request, `node "${request.node}" can only delete pods with spec.nodeName set to itself`)
}

function restrictEviction(request: Request): void {
  const { node, at } = request
  const pod = at.lookup('', 'pods', at.namespace, at.name)
  if (!pod) throw notFound(PODS, at.name)
  if (!isOn(node, pod)) throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`)
}

function restrictPodStatus(request: Request): void {
  const { node, at } = request
  const [old, pod] = [at.old, request.object] as [Pod, Pod]
  if (!isOn(node, old))
    throw refuse(request, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`)
  if (!jsonEqual(old.metadata.labels ?? {}, pod.metadata.labels ?? {}))
    throw refuse(request, `node "${node}" cannot update labels through pod status`)
  if (!jsonEqual(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? []))
    throw refuse(request, `node "${node}" cannot update resource claim statues`)
}

/** A node creates nothing but pictures of what it runs by itself; they lead to nothing else in the API. */
function restrictMirrorPod(request: Request): void {
  const { node } = request
  const pod = { spec: {}, ...request.object } as Pod
  const refused = (why: string) => refuse(request, why)
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined)
    throw refused(`pod does not have "${MIRROR_ANNOTATION}" annotation, node "${node}" can only create mirror pods`)
  if (pod.spec.nodeName !== node) throw refused(`node "${node}" can only create pods with spec.nodeName set to itself`)
  requireOwner(request, pod)
  if (pod.spec.serviceAccountName) throw refused(`node "${node}" can not create pods that reference a service account`)
  const referenced = new Set(podReferences(pod).map(({ plural }) => plural))
  for (const plural of ['secrets', 'configmaps', 'persistentvolumeclaims', 'resourceclaims'] as const)
    if (referenced.has(plural)) throw refused(`node "${node}" can not create pods that reference ${plural}`)
  const bundle = pod.spec.volumes?.some((volume) => volume.projected?.sources?.some((s) => s.clusterTrustBundle))
  if (bundle) throw refused(`node "${node}" can not create pods that reference clustertrustbundles`)
}

function requireOwner(request: Request, pod: Pod): void {
  const { node, at } = request
  const refused = (why: string) => refuse(request, `node "${node}" ${why}`)
  const [owner, ...more] = pod.metadata.ownerReferences ?? []
  if (more.length > 0) throw refused('can only create pods with a single owner reference set to itself')
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    throw refused('can only create pods with an owner reference set to itself')
  if (!owner.controller) throw refused('can only create pods with a controller owner reference set to itself')
  if (owner.blockOwnerDeletion) throw refused('must not set blockOwnerDeletion on an owner reference')
  const uid = at.lookup('', 'nodes', '', node)?.metadata.uid
  if (uid === undefined) throw notFound({ group: '', resource: 'nodes' }, node)
  if (owner.uid !== uid) throw refuse(request, `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`)
}

function restrictOwnNode(request: Request): void {
  const { node, at, object } = request
  const name = at.name || object?.metadata?.name || ''
  if (name !== node) throw refuse(request, `node "${node}" is not allowed to modify node "${name}"`)
  const { old } = at as { old: Node | undefined }
  const sent = object as Node | undefined
  const forbiddenLabels = sent ? changedLabels(sent, old).filter(isForbiddenLabel) : []
  if (at.operation === 'CREATE' && forbiddenLabels.length > 0)
    throw refuse(request, `node "${node}" is not allowed to set the following labels: ${forbiddenLabels.join(', ')}`)
  if (at.operation === 'CREATE' && sent?.spec?.configSource)
    throw refuse(request, `node "${node}" is not allowed to create pods with a non-nil configSource`)
  if (at.operation !== 'UPDATE') return
  if (sent?.spec?.configSource && !jsonEqual(sent.spec.configSource, old?.spec?.configSource))
    throw refuse(request, `node "${node}" is not allowed to update configSource to a new non-nil configSource`)
  if (!jsonEqual(sent?.spec?.taints ?? [], old?.spec?.taints ?? []))
    throw refuse(request, `node "${node}" is not allowed to modify taints`)
  if (!jsonEqual(sent?.metadata.ownerReferences ?? [], old?.metadata.ownerReferences ?? []))
    throw refuse(request, `node "${node}" is not allowed to modify ownerReferences`)
  if (forbiddenLabels.length > 0)
    throw refuse(request, `is not allowed to modify labels: ${forbiddenLabels.join(', ')}`)
}

function changedLabels(object: KubernetesObject, old: KubernetesObject | undefined): string[] {
  const [now, before] = [object.metadata.labels ?? {}, old?.metadata.labels ?? {}]
  const keys = new Set([...Object.keys(now), ...Object.keys(before)])
  return [...keys].filter((key) => now[key] !== before[key]).sort()
}

const isBelow = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`)

/** Labels by which pods are steered to nodes that deserve them. */
function isForbiddenLabel(key: string): boolean {
  const slash = key.indexOf('/')
  const domain = slash < 0 ? '' : key.slice(0, slash)
  if (isBelow(domain, 'node-restriction.kubernetes.io')) return true
  if (!isBelow(domain, 'kubernetes.io') && !isBelow(domain, 'k8s.io')) return false
  return !KUBELET_LABELS.has(key) && !KUBELET_LABEL_DOMAINS.some((parent) => isBelow(domain, parent))
}

/** What the status of a claim says of its size is the node's; nothing else of it. */
function restrictClaim(request: Request): void {
  const { node, at, object } = request
  if (at.subresource !== 'status') throw refuse(request, 'may only update PVC status')
  const rest = (claim: KubernetesObject | undefined) => {
    const { metadata, status, ...more } = claim as PersistentVolumeClaim
    const { resourceVersion: _, managedFields: __, ...own } = metadata
    const {
      capacity: _1,
      conditions: _2,
      allocatedResources: _3,
      allocatedResourceStatuses: _4,
      ...other
    } = status ?? {}
    return { ...more, metadata: own, status: other }
  }
  if (!jsonEqual(rest(at.old), rest(object)))
    throw refuse(
      request,
      `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`,
    )
}

interface TokenRequest extends KubernetesObject {
  readonly spec?: {
    readonly audiences?: readonly string[]
    readonly boundObjectRef?: {
      readonly apiVersion?: string
      readonly kind?: string
      readonly name?: string
      readonly uid?: string
    } | null
  }
}

/** A token is asked for a pod that runs on the node, for an audience that the pod names. */
function restrictToken(request: Request): void {
  const { node, at, object } = request
  if (at.operation !== 'CREATE' || at.subresource !== 'token') return
  const refused = (why: string) => refuse(request, why)
  const { boundObjectRef: ref, audiences = [] } = (object as TokenRequest).spec ?? {}
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
    throw refused('node requested token not bound to a pod')
  if (!ref.uid) throw refused('node requested token with a pod binding without a uid')
  const pod = at.lookup('', 'pods', at.namespace, ref.name) as Pod | undefined
  if (!pod) throw notFound(PODS, ref.name)
  if (pod.metadata.uid !== ref.uid)
    throw refused(
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  if (pod.spec.nodeName !== node) throw refused('node requested token bound to a pod scheduled on a different node')
  if (audiences.length > 1) throw refused('node may only request 0 or 1 audiences')
  const [audience = ''] = audiences
  const { namespace, name } = at
  const asked = { ...NOTHING, verb: 'request-serviceaccounts-token-audience', resource: audience, namespace, name }
  if (names(pod, audience) || decide(request.authorizers, at.user, asked).allowed) return
  throw refused(
    `audience ${JSON.stringify(audience)} not found in pod spec volume, ${at.user.name} is not authorized to request tokens for this audience`,
  )
}

/** A projected token without an audience is one for the API server. */
function names(pod: Pod, audience: string): boolean {
  const sources = (pod.spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? [])
  return sources.some(({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience)
}

function restrictLease(request: Request): void {
  if (request.at.namespace !== LEASE_NAMESPACE)
    throw refuse(request, `can only access leases in the "${LEASE_NAMESPACE}" system namespace`)
  requireOwnName(request, 'can only access node lease with the same name as the requesting node')
}

function requireOwnName(request: Request, why: string): void {
  const { node, at, object } = request
  // What is created names itself in its body only.
  const name = at.operation === 'CREATE' ? object?.metadata?.name : at.name
  if (name !== node) throw refuse(request, why)
}
