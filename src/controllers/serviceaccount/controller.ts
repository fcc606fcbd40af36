/** Keeps the ServiceAccount `default` in every namespace: without it no pod can be made there. */
import { keyOf } from '../../api/object.ts'
import type { Namespace } from '../../api/types/core-v1.gen.ts'
import { done } from '../../client/controller.ts'
import { namespaces as namespaceResource, serviceAccounts } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { createQuietly } from '../quietly.ts'

const NAME = 'default'

export async function startServiceAccount(context: ControllerContext): Promise<void> {
  const namespaces = context.informers.informer(namespaceResource)
  const accounts = context.informers.informer(serviceAccounts)

  const controller = newController(context, 'serviceaccount', async (key) => {
    const namespace = namespaces.lister.get(key)
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return done
    if (accounts.lister.get(`${key}/${NAME}`)) return done
    await createQuietly(context.client, serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: NAME, namespace: key },
    })
    return done
  })

  const enqueue = (namespace: Namespace) => controller.enqueue(keyOf(namespace))
  namespaces.on({ add: enqueue, update: enqueue })
  accounts.on({
    delete: ({ metadata }) => {
      if (metadata.name === NAME) controller.enqueue(metadata.namespace ?? '')
    },
  })
  await controller.start(namespaces.synced, accounts.synced)
}
