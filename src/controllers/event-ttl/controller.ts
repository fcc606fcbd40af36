/** Lets events go an hour after they were last told, as the API server of Kubernetes does (--event-ttl). */
import { keyOf, splitKey } from '../../api/object.ts'
import { isApiError } from '../../api/status.ts'
import { after } from '../../client/controller.ts'
import { events as eventResource } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { lastTold } from './plan.ts'

const TTL_MS = 3_600_000
const INTERVAL_MS = 60_000
const KEY = 'events'

export async function startEventTtl(context: ControllerContext): Promise<void> {
  const { client, clock, informers } = context
  const events = informers.informer(eventResource)
  const controller = newController(context, 'event-ttl', async (_, signal) => {
    const now = clock.now()
    const old = [...events.lister.values()].filter((event) => lastTold(event) + TTL_MS <= now)
    for (const event of old) {
      if (signal.aborted) break
      const { resourceVersion = '' } = event.metadata
      try {
        await client.delete(eventResource, splitKey(keyOf(event)), { preconditions: { resourceVersion } })
      } catch (error) {
        // Told once more meanwhile, or gone.
        if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error
      }
    }
    return after(INTERVAL_MS)
  })
  controller.enqueue(KEY)
  await controller.start(events.synced)
}
