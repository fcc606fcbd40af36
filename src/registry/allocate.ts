/**
 * Cluster IPs and node ports: values that are unique in the cluster. The pools are rebuilt from the stored objects on first
 * use and kept by the commits that change them; a dry run takes nothing.
 */
import { invalidObject } from '../api/field-error.ts'
import type { Draft, KubernetesObject } from '../api/object.ts'
import { internalError } from '../api/status.ts'
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

/** Refuses claims of values that another object has, then lets the kind take what it still lacks. */
function allocate(
  kit: Kit,
  txn: Txn<Item>,
  resource: StoredResource,
  { draft, old }: { draft: Draft<KubernetesObject>; old: KubernetesObject | undefined },
): void {
  const { allocation } = resource.declaration
  if (!allocation) return
  const taken = used(txn, resource, old?.metadata.uid)
  const errors = []
  for (const claim of allocation.claims(draft as KubernetesObject)) {
    const value = `${claim.pool}/${claim.value}`
    if (taken.has(value)) {
      const shown = claim.pool === 'nodePort' ? claim.value : JSON.stringify([claim.value])
      const why =
        claim.pool === 'nodePort'
          ? 'provided port is already allocated'
          : `failed to allocate IP ${claim.value}: provided IP is already allocated`
      errors.push({
        type: 'FieldValueInvalid' as const,
        field: claim.field,
        message: `Invalid value: ${shown}: ${why}`,
      })
    }
    taken.add(value)
  }
  if (errors.length > 0)
    throw invalidObject(
      { ...resource.groupResource, kind: resource.declaration.kind },
      draft.metadata.name ?? '',
      errors,
    )
  allocation.allocate(draft, { take: (pool) => take(kit, taken, pool) })
}
