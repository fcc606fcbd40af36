/** Mirrors Endpoints that somebody made for a Service without selector: proxies look at EndpointSlices alone. */
import { keyOf } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import type { Endpoints, Service } from '../../api/types/core-v1.gen.ts'
import { done } from '../../client/controller.ts'
import { involved } from '../../client/events.ts'
import { endpoints as endpointsResource, services as serviceResource } from '../../client/resources.ts'
import { type ControllerContext, newController, newRecorder } from '../context.ts'
import { ManagedSlices } from '../managed-slices.ts'
import { isMirrored, MANAGER, MIRRORED_PER_SUBSET_MAX, planMirror } from './plan.ts'

export async function startEndpointSliceMirroring(context: ControllerContext): Promise<void> {
  const services = context.informers.informer(serviceResource)
  const endpoints = context.informers.informer(endpointsResource)
  const slices = new ManagedSlices(context, MANAGER)
  const recorder = newRecorder(context, 'endpoint-slice-mirroring-controller')

  const controller = newController(context, 'endpointslice-mirroring', async (key) => {
    const existing = slices.of(key)
    const service = services.lister.get(key)
    const object = endpoints.lister.get(key)
    if (!object || !isMirrored(object) || !service || service.spec.selector) {
      await slices.apply({ create: [], update: [], delete: existing })
      return done
    }
    const plan = planMirror(object, existing)
    if (plan.skipped > 0) {
      const message = `A max of ${MIRRORED_PER_SUBSET_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`
      recorder.event(involved(endpointsResource, object), 'Warning', 'TooManyAddressesToMirror', message)
    }
    try {
      await slices.apply(plan)
    } catch (error) {
      // Nothing can be made in a namespace on its way out.
      if (!isApiError(error, 'Forbidden')) throw error
    }
    return done
  })

  const enqueue = (object: Service | Endpoints) => controller.enqueue(keyOf(object))
  services.on({ add: enqueue, update: enqueue, delete: enqueue })
  endpoints.on({ add: enqueue, update: enqueue, delete: enqueue })
  slices.watch((key) => controller.enqueue(key))
  await controller.start(services.synced, endpoints.synced, slices.synced)
}
