/** The resources that ebb's own components speak of, with their types. Everything else is found by discovery. */
import type { KubernetesObject } from '../api/object.ts'
import type { Deployment, ReplicaSet } from '../api/types/apps-v1.gen.ts'
import type { Lease } from '../api/types/coordination-v1.gen.ts'
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  Pod,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
} from '../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'
import type { ClusterRole } from '../api/types/rbac-v1.gen.ts'
import type { Resource } from './api-client.ts'

function core<T extends KubernetesObject>(kind: string, plural: string): Resource<T> {
  return { group: '', version: 'v1', plural, kind, namespaced: true }
}

function grouped<T extends KubernetesObject>(group: string, kind: string, plural: string): Resource<T> {
  return { group, version: 'v1', plural, kind, namespaced: true }
}

function clusterScoped<T extends KubernetesObject>(resource: Resource<T>): Resource<T> {
  return { ...resource, namespaced: false }
}

export const namespaces = clusterScoped(core<Namespace>('Namespace', 'namespaces'))
export const nodes = clusterScoped(core<Node>('Node', 'nodes'))
export const pods = core<Pod>('Pod', 'pods')
export const services = core<Service>('Service', 'services')
export const endpoints = core<Endpoints>('Endpoints', 'endpoints')
export const events = core<Event>('Event', 'events')
export const configMaps = core<ConfigMap>('ConfigMap', 'configmaps')
export const secrets = core<Secret>('Secret', 'secrets')
export const serviceAccounts = core<ServiceAccount>('ServiceAccount', 'serviceaccounts')
export const replicationControllers = core<ReplicationController>('ReplicationController', 'replicationcontrollers')
export const replicaSets = grouped<ReplicaSet>('apps', 'ReplicaSet', 'replicasets')
export const deployments = grouped<Deployment>('apps', 'Deployment', 'deployments')
export const leases = grouped<Lease>('coordination.k8s.io', 'Lease', 'leases')
export const endpointSlices = grouped<EndpointSlice>('discovery.k8s.io', 'EndpointSlice', 'endpointslices')
export const clusterRoles = clusterScoped(
  grouped<ClusterRole>('rbac.authorization.k8s.io', 'ClusterRole', 'clusterroles'),
)
