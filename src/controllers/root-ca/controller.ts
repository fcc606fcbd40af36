/** Keeps the ConfigMap `kube-root-ca.crt` in every namespace: by it pods verify the API server. */
import { jsonEqual } from '../../api/json-equal.ts'
import { keyOf } from '../../api/object.ts'
import type { ConfigMap, Namespace } from '../../api/types/core-v1.gen.ts'
import { done } from '../../client/controller.ts'
import { configMaps, namespaces as namespaceResource } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { createQuietly } from '../quietly.ts'

const NAME = 'kube-root-ca.crt'
const DESCRIPTION_KEY = 'kubernetes.io/description'
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

/** `caPem`: certificates that clients inside the cluster trust, PEM. */
export async function startRootCa(context: ControllerContext, caPem: string): Promise<void> {
  const { client, informers } = context
  const namespaces = informers.informer(namespaceResource)
  const maps = informers.informer(configMaps)

  const data = { 'ca.crt': caPem }

  const controller = newController(context, 'root-ca', async (key) => {
    const namespace = namespaces.lister.get(key)
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return done
    const existing = maps.lister.get(`${key}/${NAME}`)
    if (!existing) {
      await createQuietly(client, configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: NAME, namespace: key, annotations: { [DESCRIPTION_KEY]: DESCRIPTION } },
        data,
      })
      return done
    }
    const { annotations = {}, deletionTimestamp } = existing.metadata
    const same = jsonEqual(existing.data, data) && annotations[DESCRIPTION_KEY]
    if (!same && deletionTimestamp === undefined) {
      const metadata = { ...existing.metadata, annotations: { ...annotations, [DESCRIPTION_KEY]: DESCRIPTION } }
      await client.update(configMaps, { ...existing, metadata, data })
    }
    return done
  })

  const enqueue = (namespace: Namespace) => controller.enqueue(keyOf(namespace))
  namespaces.on({ add: enqueue, update: enqueue })
  const mapChanged = ({ metadata }: ConfigMap) => {
    if (metadata.name === NAME) controller.enqueue(metadata.namespace ?? '')
  }
  maps.on({ update: mapChanged, delete: mapChanged })
  await controller.start(namespaces.synced, maps.synced)
}
