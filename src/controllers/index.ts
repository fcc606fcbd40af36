/** The controllers, each with a line of what it keeps. Started together, they share informers. */

import type { EbbTracer } from '../api/trace-steps.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import { ApiClient } from '../client/api-client.ts'
import { Informers } from '../client/informer.ts'
import { startClusterRoleAggregation } from './clusterrole-aggregation/controller.ts'
import type { ControllerContext, ReportFailure } from './context.ts'
import { startDeployment } from './deployment/controller.ts'
import { startEndpoints } from './endpoints/controller.ts'
import { startEndpointSlice } from './endpointslice/controller.ts'
import { startEndpointSliceMirroring } from './endpointslice-mirroring/controller.ts'
import { startEventTtl } from './event-ttl/controller.ts'
import { startGarbageCollector } from './garbage-collector/controller.ts'
import { type ApiServerAddress, startKubernetesService } from './kubernetes-service/controller.ts'
import { startNamespace } from './namespace/controller.ts'
import { startNodeLifecycle } from './node-lifecycle/controller.ts'
import { startPodGc } from './pod-gc/controller.ts'
import { startReplicaSet, startReplicationController } from './replicaset/controller.ts'
import { startRootCa } from './root-ca/controller.ts'
import { startServiceAccount } from './serviceaccount/controller.ts'

interface ControllerOptions {
  /** Certificates by which pods verify the API server, PEM; without it no ConfigMap kube-root-ca.crt is made. */
  readonly rootCaPem?: string
  /** Where pods reach the API server; without it the Service `kubernetes` has no endpoints. */
  readonly apiServer?: ApiServerAddress
  /** Told of every failed reconcile; most are retried and mean nothing. */
  readonly failed?: ReportFailure
}

export interface ControllersStart {
  readonly client: ApiClient
  /** Shared with others that use the same client, e.g. the scheduler. Made here when left out. */
  readonly informers?: Informers
  readonly clock: Clock
  readonly random: Random
  readonly tracer: EbbTracer
  readonly lifetime: Lifetime
  readonly options?: ControllerOptions
}

type Start = (context: ControllerContext, options: ControllerOptions) => Promise<void>

const CONTROLLERS: Readonly<Record<string, Start>> = {
  'kubernetes-service': (context, options) => startKubernetesService(asApiServer(context), options.apiServer),
  serviceaccount: startServiceAccount,
  'root-ca': (context, { rootCaPem }) => (rootCaPem ? startRootCa(context, rootCaPem) : Promise.resolve()),
  replicaset: startReplicaSet,
  replicationcontroller: startReplicationController,
  deployment: startDeployment,
  endpointslice: startEndpointSlice,
  'endpointslice-mirroring': startEndpointSliceMirroring,
  endpoints: startEndpoints,
  'node-lifecycle': startNodeLifecycle,
  namespace: startNamespace,
  'garbage-collector': startGarbageCollector,
  'pod-gc': startPodGc,
  'clusterrole-aggregation': startClusterRoleAggregation,
  'event-ttl': (context) => startEventTtl(asApiServer(context)),
}

/** In Kubernetes the API server itself keeps these; field managers show who wrote. */
function asApiServer(context: ControllerContext): ControllerContext {
  return { ...context, client: new ApiClient(context.client.transport, { userAgent: 'kube-apiserver' }) }
}

/** Starts all controllers; resolves when each has its informers and works. They end with `lifetime`. */
export async function startControllers(start: ControllersStart): Promise<void> {
  const { client, clock, random, tracer, options = {} } = start
  const lifetime = start.lifetime.child('controllers')
  const informers = start.informers ?? new Informers({ client, clock, random: random.fork('informers'), lifetime })
  const { failed } = options
  await Promise.all(
    Object.entries(CONTROLLERS).map(([name, begin]) =>
      begin(
        {
          client,
          informers,
          clock,
          random: random.fork(name),
          tracer,
          lifetime: lifetime.child(name),
          ...(failed ? { failed } : {}),
        },
        options,
      ),
    ),
  )
}
