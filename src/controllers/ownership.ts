/**
 * Who controls what: owner references, and the claiming of objects by selector. An owner adopts matching objects that nobody
 * controls and releases its own that no longer match. Source: API conventions, OwnerReference; ControllerRefManager's rules.
 */
import type { KubernetesObject, OwnerReference } from '../api/object.ts'
import { isApiError } from '../api/status.ts'
import { type ApiClient, apiVersionOf, type Resource } from '../client/api-client.ts'

export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true)
}

export function controllerReference(resource: Resource, owner: KubernetesObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

export interface ClaimRules<O extends KubernetesObject, T extends KubernetesObject> {
  readonly client: ApiClient
  readonly owner: O
  readonly ownerResource: Resource<O>
  readonly resource: Resource<T>
  matches(object: T): boolean
  /** Objects beyond this never are adopted: e.g. terminal pods. */
  adoptable?(object: T): boolean
}

type ClaimDecision = 'own' | 'adopt' | 'release' | 'ignore'

/** Pure: what the owner does about an object. */
function decideClaim<O extends KubernetesObject, T extends KubernetesObject>(
  rules: Omit<ClaimRules<O, T>, 'client'>,
  object: T,
): ClaimDecision {
  const { owner } = rules
  const controller = controllerOf(object)
  const ownerGoes = owner.metadata.deletionTimestamp !== undefined
  if (controller) {
    if (controller.uid !== owner.metadata.uid) return 'ignore'
    return rules.matches(object) ? 'own' : ownerGoes ? 'ignore' : 'release'
  }
  if (ownerGoes || object.metadata.deletionTimestamp !== undefined || !rules.matches(object)) return 'ignore'
  return (rules.adoptable?.(object) ?? true) ? 'adopt' : 'ignore'
}

/** The objects among `candidates` that belong to the owner, after adopting and releasing. Rejects as the client does. */
export async function claim<O extends KubernetesObject, T extends KubernetesObject>(
  rules: ClaimRules<O, T>,
  candidates: Iterable<T>,
): Promise<T[]> {
  const owned: T[] = []
  let mayAdopt: boolean | undefined
  for (const object of candidates) {
    const decision = decideClaim(rules, object)
    if (decision === 'own') owned.push(object)
    else if (decision === 'release') await release(rules, object)
    else if (decision === 'adopt') {
      mayAdopt ??= await isLive(rules)
      const adopted = mayAdopt ? await adopt(rules, object) : undefined
      if (adopted) owned.push(adopted)
    }
  }
  return owned
}

/** Before the first adoption the owner is read live: what the informer shows may be long gone. */
async function isLive<O extends KubernetesObject, T extends KubernetesObject>(
  rules: ClaimRules<O, T>,
): Promise<boolean> {
  const { namespace = '', name = '', uid } = rules.owner.metadata
  const live = await rules.client.find(rules.ownerResource, { namespace, name })
  return live !== undefined && live.metadata.uid === uid && live.metadata.deletionTimestamp === undefined
}

async function adopt<O extends KubernetesObject, T extends KubernetesObject>(
  rules: ClaimRules<O, T>,
  object: T,
): Promise<T | undefined> {
  const reference = controllerReference(rules.ownerResource, rules.owner)
  return patchOwners(rules, object, [reference])
}

async function release<O extends KubernetesObject, T extends KubernetesObject>(
  rules: ClaimRules<O, T>,
  object: T,
): Promise<void> {
  await patchOwners(rules, object, [{ $patch: 'delete', uid: rules.owner.metadata.uid }])
}

/** undefined when the object is gone, or is another one by now. */
async function patchOwners<O extends KubernetesObject, T extends KubernetesObject>(
  { client, resource }: ClaimRules<O, T>,
  object: T,
  ownerReferences: readonly unknown[],
): Promise<T | undefined> {
  const { namespace = '', name = '', uid } = object.metadata
  try {
    return await client.patch(resource, { namespace, name }, { metadata: { uid, ownerReferences } })
  } catch (error) {
    if (isApiError(error, 'NotFound') || isApiError(error, 'Invalid')) return undefined
    throw error
  }
}
