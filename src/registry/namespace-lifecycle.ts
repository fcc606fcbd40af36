/** Nothing is created in a namespace that is not there, or that is going (Kubernetes' NamespaceLifecycle admission). */
import type { KubernetesObject } from '../api/object.ts'
import { ApiError, forbidden, notFound } from '../api/status.ts'
import type { Txn } from '../store/store.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import type { AdmissionAttributes } from './admission-port.ts'
import { type Kit, lookup } from './kit.ts'
import { type StoredResource, storeKey } from './resource.ts'

const NAMESPACES = { group: '', resource: 'namespaces' }

/** 404 when the namespace does not exist: what was left behind in it can be deleted, no longer changed. */
export function requireNamespace(kit: Kit, resource: StoredResource, namespace: string): KubernetesObject | undefined {
  if (!resource.declaration.namespaced || !namespace) return undefined
  const found = lookup(kit, { group: '', plural: 'namespaces', namespace: '', name: namespace })
  if (!found) throw notFound(NAMESPACES, namespace)
  return found
}

/** 404 when the request's namespace does not exist, 403 when it is terminating. */
export function admitNamespace(kit: Kit, resource: StoredResource, attributes: AdmissionAttributes): void {
  const { namespace } = attributes
  const found = requireNamespace(kit, resource, namespace)
  if (found && isTerminating(found)) throw terminating(resource, namespace, attributes.name)
}

/** The same once more inside the commit: the namespace may have begun to go while admission waited. */
export function refuseTerminatingNamespace(
  kit: Kit,
  txn: Txn<Item>,
  resource: StoredResource,
  namespace: string,
): void {
  const namespaces = kit.find('', 'namespaces')
  if (!resource.declaration.namespaced || !namespaces) return
  const found = txn.get(storeKey(namespaces, '', namespace))?.value.object
  if (!found) throw notFound(NAMESPACES, namespace)
  if (isTerminating(found)) throw terminating(resource, namespace, '')
}

function isTerminating(namespace: KubernetesObject): boolean {
  return (
    namespace.metadata.deletionTimestamp !== undefined ||
    (namespace as { status?: { phase?: string } }).status?.phase === 'Terminating'
  )
}

function terminating(resource: StoredResource, namespace: string, name: string): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  const { status } = forbidden(resource.groupResource, name, why)
  const message = `namespace ${namespace} is being terminated`
  const cause = { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }
  return new ApiError({ ...status, details: { ...status.details, causes: [cause] } })
}
