import type { Draft, KubernetesObject } from '../api/object.ts'
import { isApiError } from '../api/status.ts'
import { assert } from '../base/assert.ts'
import type { Registry } from '../registry/registry.ts'
import type { UserInfo } from '../wire/exchange.ts'
import { MASTERS } from './authn/names.ts'

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']
const APISERVER: UserInfo = { name: 'system:apiserver', groups: [MASTERS] }

/** Makes what every cluster has before anybody asks. Idempotent. */
export async function bootstrap(registry: Registry): Promise<void> {
  const resource = registry.find('', 'v1', 'namespaces')
  assert(resource, 'there are no namespaces')
  await Promise.all(
    NAMESPACES.map(async (name) => {
      if (registry.peek(resource, '', name)) return
      const draft: Draft<KubernetesObject> = { kind: 'Namespace', apiVersion: 'v1', metadata: { name } }
      resource.declaration.default?.(draft)
      const options = {
        namespace: '',
        name: '',
        user: APISERVER,
        dryRun: false,
        fieldManager: 'kube-apiserver',
        warn() {},
      }
      await registry.create(resource, draft, options).catch((error: unknown) => {
        if (!isApiError(error, 'AlreadyExists')) throw error
      })
    }),
  )
}
