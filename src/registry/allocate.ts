/**
 * Cluster IPs and node ports: values that are unique in the cluster. The pools are rebuilt from the stored objects on first
 * use and kept by the commits that change them; a dry run takes nothing.
 */
import { invalidObject } from '../api/field-error.ts'
import type { Draft, KubernetesObject } from '../api/object.ts'
import { type ApiError, internalError } from '../api/status.ts'
import type { Txn } from '../store/store.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import type { Kit } from './kit.ts'
import type { StoredResource } from './resource.ts'

/** 10.96.0.0/16; the first address is the `kubernetes` Service's, and the last the broadcast's. */
const SERVICE_NETWORK = '10.96'
const NODE_PORT_FIRST = 30000
const NODE_PORT_LAST = 32767
const RANDOM_ATTEMPTS_MAX = 64

type Pool = 'clusterIP' | 'nodePort'
type Claim = ReturnType<NonNullable<StoredResource['declaration']['allocation']>['claims']>[number]

const ALLOCATED: Record<Pool, string> = {
  clusterIP: 'provided IP is already allocated',
  nodePort: 'provided port is already allocated',
}

/** Values in use, from all objects of all resources that claim any. */
function used(txn: Txn<Item>, resource: StoredResource, except: string | undefined): Set<string> {
  const values = new Set<string>()
  const allocation = resource.declaration.allocation
  for (const entry of txn.range(resource.prefix)) {
    if (entry.value.object.metadata.uid === except && except !== undefined) continue
    for (const claim of allocation?.claims(entry.value.object) ?? []) values.add(`${claim.pool}/${claim.value}`)
  }
  return values
}

function candidate(kit: Kit, pool: Pool): string {
  if (pool === 'nodePort') return String(NODE_PORT_FIRST + kit.random.int(NODE_PORT_LAST - NODE_PORT_FIRST + 1))
  // The lowest 256 addresses stay free for those who ask for one by name, as Kubernetes keeps them.
  return `${SERVICE_NETWORK}.${1 + kit.random.int(255)}.${kit.random.int(256)}`
}

function take(kit: Kit, taken: Set<string>, pool: Pool): string {
  for (let attempt = 0; attempt < RANDOM_ATTEMPTS_MAX; attempt++) {
    const value = candidate(kit, pool)
    if (value === `${SERVICE_NETWORK}.255.255` || taken.has(`${pool}/${value}`)) continue
    taken.add(`${pool}/${value}`)
    return value
  }
  return scan(taken, pool)
}

/** When chance finds nothing the pool is nearly full: look at every value. */
function scan(taken: Set<string>, pool: Pool): string {
  for (let i = 0; pool === 'nodePort' ? i <= NODE_PORT_LAST - NODE_PORT_FIRST : i < 65535; i++) {
    const value = pool === 'nodePort' ? String(NODE_PORT_FIRST + i) : `${SERVICE_NETWORK}.${i >> 8}.${i & 255}`
    if (i < 2 && pool === 'clusterIP') continue
    if (taken.has(`${pool}/${value}`)) continue
    taken.add(`${pool}/${value}`)
    return value
  }
  throw internalError(`failed to allocate a ${pool}: range is full`)
}

export function allocateCreate(
  kit: Kit,
  txn: Txn<Item>,
  resource: StoredResource,
  draft: Draft<KubernetesObject>,
): void {
  allocate(kit, txn, resource, { draft, old: undefined })
}

export function allocateUpdate(
  kit: Kit,
  txn: Txn<Item>,
  resource: StoredResource,
  change: { draft: Draft<KubernetesObject>; old: KubernetesObject },
): void {
  allocate(kit, txn, resource, change)
}

/** Refuses claims of values that no object may have or another has, then lets the kind take what it still lacks. */
function allocate(
  kit: Kit,
  txn: Txn<Item>,
  resource: StoredResource,
  { draft, old }: { draft: Draft<KubernetesObject>; old: KubernetesObject | undefined },
): void {
  const { allocation } = resource.declaration
  if (!allocation) return
  const taken = used(txn, resource, old?.metadata.uid)
  for (const claim of allocation.claims(draft as KubernetesObject)) {
    const value = `${claim.pool}/${claim.value}`
    const why = outside(claim) ?? (taken.has(value) ? ALLOCATED[claim.pool] : undefined)
    if (why !== undefined) throw refusal(resource, draft.metadata.name ?? '', { claim, why })
    taken.add(value)
  }
  allocation.allocate(draft, { take: (pool) => take(kit, taken, pool) })
}

/** Why the pool has no such value. */
function outside({ pool, value }: Claim): string | undefined {
  if (pool === 'clusterIP') {
    return value.startsWith(`${SERVICE_NETWORK}.`) ? undefined : 'the provided network does not match the current range'
  }
  if (Number(value) >= NODE_PORT_FIRST && Number(value) <= NODE_PORT_LAST) return undefined
  return `provided port is not in the valid range. The range of valid ports is ${NODE_PORT_FIRST}-${NODE_PORT_LAST}`
}

/** As Kubernetes, which looks at values only once all rules of the fields hold, and stops at the first that is not to be had. */
function refusal(resource: StoredResource, name: string, { claim, why }: { claim: Claim; why: string }): ApiError {
  const shown =
    claim.pool === 'nodePort'
      ? `${claim.value}: ${why}`
      : `${JSON.stringify([claim.value])}: failed to allocate IP ${claim.value}: ${why}`
  const error = { type: 'FieldValueInvalid' as const, field: claim.field, message: `Invalid value: ${shown}` }
  return invalidObject({ ...resource.groupResource, kind: resource.declaration.kind }, name, [error])
}
