/** All kinds that are served, in the order of discovery. A new kind is a declaration and a line here. */
import type { KubernetesObject } from '../api/object.ts'
import { deployment } from './apps/deployment.ts'
import { replicaSet } from './apps/replica-set.ts'
import { lease } from './coordination/lease.ts'
import { configMap } from './core/config-map.ts'
import { endpoints } from './core/endpoints.ts'
import { event } from './core/event.ts'
import { namespace } from './core/namespace.ts'
import { node } from './core/node.ts'
import { pod } from './core/pod.ts'
import { replicationController } from './core/replication-controller.ts'
import { secret } from './core/secret.ts'
import { service } from './core/service.ts'
import { serviceAccount } from './core/service-account.ts'
import type { ResourceDeclaration } from './declaration.ts'
import { endpointSlice } from './discovery/endpoint-slice.ts'
import { eventView } from './events/event.ts'

/** The machinery treats all kinds alike and gives each declaration only its own objects. */
function erased<T extends KubernetesObject>(declaration: ResourceDeclaration<T>): ResourceDeclaration {
  return declaration as unknown as ResourceDeclaration
}

export const RESOURCES: readonly ResourceDeclaration[] = [
  erased(configMap),
  erased(endpoints),
  erased(event),
  erased(namespace),
  erased(node),
  erased(pod),
  erased(replicationController),
  erased(secret),
  erased(serviceAccount),
  erased(service),
  erased(deployment),
  erased(replicaSet),
  erased(endpointSlice),
  erased(eventView),
  erased(lease),
]
