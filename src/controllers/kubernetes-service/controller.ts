/**
 * Keeps what a cluster has from the start: the system namespaces, and the Service `kubernetes` with its Endpoints and
 * EndpointSlice, by which pods reach the API server. Deleted, they come back.
 */

import { jsonEqual } from '../../api/json-equal.ts'
import type { KubernetesObject } from '../../api/object.ts'
import type { Endpoints, Namespace, Service } from '../../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import type { Resource } from '../../client/api-client.ts'
import { done } from '../../client/controller.ts'
import { endpointSlices, endpoints, namespaces, services } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { SERVICE_NAME } from '../managed-slices.ts'
import { createQuietly } from '../quietly.ts'
import { SKIP_MIRROR } from '../service-endpoints.ts'

/** First address of the service range, kept for the API server. */
const KUBERNETES_CLUSTER_IP = '10.96.0.1'

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']
/** Until a deleted one is made again. Who deletes all Services of a namespace may look whether they are gone. */
const RECREATE_AFTER_MS = 1000
const NAME = 'kubernetes'
const KEY = `default/${NAME}`

/** Where the API server is reached from pods. */
export interface ApiServerAddress {
  /** IPv4, not a loopback address. */
  readonly address: string
  readonly port: number
}

/** Without `server` the Service has no endpoints. */
export async function startKubernetesService(context: ControllerContext, server?: ApiServerAddress): Promise<void> {
  const { client, informers } = context
  const known = {
    namespaces: informers.informer(namespaces),
    services: informers.informer(services),
    endpoints: informers.informer(endpoints),
    slices: informers.informer(endpointSlices),
  }
  const wantedEndpoints = server && endpointsFor(server)
  const wantedSlice = server && sliceFor(server)

  const controller = newController(context, 'kubernetes-service', async () => {
    for (const name of SYSTEM_NAMESPACES)
      if (!known.namespaces.lister.get(name)) await createQuietly(client, namespaces, namespaceNamed(name))
    if (!known.services.lister.get(KEY)) await createQuietly(client, services, serviceFor(server))
    if (wantedEndpoints) {
      const present = known.endpoints.lister.get(KEY)
      const same = jsonEqual(present?.subsets, wantedEndpoints.subsets)
      if (!same) await put(endpoints, wantedEndpoints, present)
    }
    if (wantedSlice) {
      const present = known.slices.lister.get(KEY)
      const same = jsonEqual(present?.endpoints, wantedSlice.endpoints) && jsonEqual(present?.ports, wantedSlice.ports)
      if (!same) await put(endpointSlices, wantedSlice, present)
    }
    return done
  })

  async function put<T extends KubernetesObject>(resource: Resource<T>, wanted: T, present: T | undefined) {
    if (present) await client.update(resource, { ...wanted, metadata: { ...present.metadata, ...wanted.metadata } })
    else await createQuietly(client, resource, wanted)
  }

  const again = (object: KubernetesObject) => {
    const { namespace, name = '' } = object.metadata
    if (namespace ? namespace === 'default' && name === NAME : SYSTEM_NAMESPACES.includes(name))
      controller.enqueueAfter(KEY, RECREATE_AFTER_MS)
  }
  known.namespaces.on({ delete: again })
  known.services.on({ delete: again })
  known.endpoints.on({ delete: again, update: again })
  known.slices.on({ delete: again, update: again })
  controller.enqueue(KEY)
  await controller.start(...Object.values(known).map((informer) => informer.synced))
}

function namespaceNamed(name: string): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

function serviceFor(server: ApiServerAddress | undefined): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: KUBERNETES_CLUSTER_IP,
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: server?.port ?? 6443 }],
    },
  }
}

function endpointsFor({ address, port }: ApiServerAddress): Endpoints {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: NAME, namespace: 'default', labels: { [SKIP_MIRROR]: 'true' } },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  }
}

function sliceFor({ address, port }: ApiServerAddress): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: NAME, namespace: 'default', labels: { [SERVICE_NAME]: NAME } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }
}
