/** Pure: what becomes of an object, given what is known of its owners and dependents. Source: GC design, foreground deletion. */
import type { KubernetesObject, OwnerReference } from '../../api/object.ts'

const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

export type OwnerState =
  | 'solid' // exists
  | 'absent' // does not exist, or another object has its name by now
  | 'waiting' // is being deleted in the foreground

export type Verdict =
  | { readonly action: 'keep' }
  | { readonly action: 'delete'; readonly propagation: 'Background' | 'Foreground' | 'Orphan' }
  /** Two own each other and would wait for each other for ever: this one blocks its owners no longer. */
  | { readonly action: 'unblock-owners' }
  /** Some owners exist, others do not any more: the references to these are taken away. */
  | { readonly action: 'drop-references'; readonly uids: readonly string[] }
  /** Deleting goes in the foreground, and nothing blocks any more (or less than all do). */
  | { readonly action: 'remove-finalizer'; readonly finalizer: string }
  /** In the foreground, with these still blocking. */
  | { readonly action: 'delete-dependents' }
  | { readonly action: 'orphan-dependents' }

export function isDeletedInForeground({ metadata }: KubernetesObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND)
}

/** Whether the owner may not go before the dependent went. */
function blocks(dependent: KubernetesObject, ownerUid: string): boolean {
  return (dependent.metadata.ownerReferences ?? []).some(
    (owner) => owner.uid === ownerUid && owner.blockOwnerDeletion === true,
  )
}

export interface ItemState {
  readonly object: KubernetesObject
  readonly dependents: readonly KubernetesObject[]
  readonly stateOf: (owner: OwnerReference) => OwnerState
}

export function planItem({ object, dependents, stateOf }: ItemState): Verdict {
  const { metadata } = object
  const finalizers = metadata.finalizers ?? []
  if (metadata.deletionTimestamp !== undefined) {
    if (finalizers.includes(ORPHAN)) return { action: 'orphan-dependents' }
    if (!finalizers.includes(FOREGROUND)) return { action: 'keep' }
    const blocking = dependents.some((dependent) => blocks(dependent, metadata.uid ?? ''))
    return blocking ? { action: 'delete-dependents' } : { action: 'remove-finalizer', finalizer: FOREGROUND }
  }
  return planByOwners({ object, dependents, stateOf })
}

function planByOwners({ object, dependents, stateOf }: ItemState): Verdict {
  const owners = object.metadata.ownerReferences ?? []
  if (owners.length === 0) return { action: 'keep' }
  const states = owners.map((owner) => ({ uid: owner.uid, state: stateOf(owner) }))
  const gone = states.filter(({ state }) => state !== 'solid')
  if (gone.length === 0) return { action: 'keep' }
  if (gone.length < states.length) return { action: 'drop-references', uids: gone.map(({ uid }) => uid) }
  const finalizers = object.metadata.finalizers ?? []
  if (finalizers.includes(ORPHAN)) return { action: 'delete', propagation: 'Orphan' }
  const waited = states.some(({ state }) => state === 'waiting')
  if (waited && dependents.some(isDeletedInForeground) && owners.some((owner) => owner.blockOwnerDeletion))
    return { action: 'unblock-owners' }
  if ((waited && dependents.length > 0) || finalizers.includes(FOREGROUND))
    return { action: 'delete', propagation: 'Foreground' }
  return { action: 'delete', propagation: 'Background' }
}
