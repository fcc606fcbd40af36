import type { KubernetesObject } from '../../api/object.ts'
import { assert } from '../../base/assert.ts'
import type { BindingRequest } from '../../registry/subresources.ts'
import { readForeign } from '../body.ts'
import { writeOptions } from '../call.ts'
import { objectResponse, success } from '../respond.ts'
import { writeQuery } from '../write-query.ts'
import type { VirtualResource } from './virtual-resource.ts'

const DEFINITION = 'io.k8s.api.core.v1.Binding'

/** POST of namespaces/NS/bindings: the old way of assigning a pod, by the name in the body. */
export const bindings: VirtualResource = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  singular: 'binding',
  namespaced: true,
  definition: DEFINITION,
  async create({ parts, exchange }) {
    const query = writeQuery(exchange, 'CreateOptions')
    const binding = await readForeign<KubernetesObject & BindingRequest>(exchange, DEFINITION, query)
    const pods = parts.registry.find('', 'v1', 'pods')
    assert(pods, 'there are no pods to bind')
    const options = writeOptions({ parts, exchange, resource: pods }, query)
    await parts.registry.bind(pods, binding, { ...options, name: binding.metadata?.name ?? '' })
    return objectResponse(success(undefined, 201), 201)
  },
}
