/** Keeps the Endpoints of Services, for clients that do not know EndpointSlices. Thin: `plan.ts` decides. */

import { keyOf } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import { after, done } from '../../client/controller.ts'
import { involved } from '../../client/events.ts'
import {
  endpoints as endpointsResource,
  pods as podResource,
  services as serviceResource,
} from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { deleteQuietly } from '../quietly.ts'
import { ServiceBackends } from '../service-backends.ts'
import { hasPods } from '../service-endpoints.ts'
import { Spacing } from '../spacing.ts'
import { TriggerTimes } from '../trigger-times.ts'
import { planEndpoints } from './plan.ts'

export async function startEndpoints(context: ControllerContext): Promise<void> {
  const { client, informers } = context
  const services = informers.informer(serviceResource)
  const pods = informers.informer(podResource)
  const endpoints = informers.informer(endpointsResource)
  const backends = new ServiceBackends(services, pods)
  const spacing = new Spacing(context.clock)
  const triggers = new TriggerTimes()
  const recorder = newRecorder(context, 'endpoint-controller')

  const controller = newController(context, 'endpoints', async (key) => {
    const service = services.lister.get(key)
    const existing = endpoints.lister.get(key)
    if (!service) {
      triggers.forget(key)
      if (existing) await deleteQuietly(client, endpointsResource, existing)
      return done
    }
    if (!hasPods(service) || service.metadata.deletionTimestamp !== undefined) return done
    const wait = spacing.wait(key)
    if (wait > 0) return after(wait)
    const selected = backends.podsOf(service)
    spacing.worked(key, selected.length)
    const wanted = planEndpoints(service, selected, existing, triggers.next(key, service, selected))
    if (!wanted) return done
    try {
      if (existing) await client.update(endpointsResource, wanted)
      else await client.create(endpointsResource, wanted)
    } catch (error) {
      if (isApiError(error, 'Forbidden')) return done
      const [reason, what] = existing
        ? ['FailedToUpdateEndpoint', 'update endpoint']
        : ['FailedToCreateEndpoint', 'create endpoint for service']
      const message = `Failed to ${what} ${key}: ${(error as Error).message}`
      // That the informer is a little behind is no news.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'AlreadyExists'))
        recorder.event(involved(endpointsResource, wanted), 'Warning', reason, message)
      throw error
    }
    return done
  })

  backends.watch((key) => controller.enqueue(key))
  endpoints.on({ delete: (object) => controller.enqueue(keyOf(object)) })
  await controller.start(services.synced, pods.synced, endpoints.synced)
  // What is left of Services that went while nobody looked.
  for (const object of endpoints.lister.values())
    if (object.metadata.labels?.['endpoints.kubernetes.io/managed-by'] !== undefined) controller.enqueue(keyOf(object))
}
