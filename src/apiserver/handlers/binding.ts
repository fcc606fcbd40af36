import type { KubernetesObject } from '../../api/object.ts'
import type { BindingRequest } from '../../registry/subresources.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { readDefinition } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { objectResponse, success } from '../respond.ts'
import { writeQuery } from '../write-query.ts'

type Binding = KubernetesObject & BindingRequest

/** POST of pods/NAME/binding: how a scheduler assigns a pod to a node. */
export async function handleBinding(call: Call): Promise<ApiResponse> {
  const query = writeQuery(call.exchange, 'CreateOptions')
  const binding = await readDefinition<Binding>(call, 'io.k8s.api.core.v1.Binding', query)
  await call.parts.registry.bind(call.resource, binding, writeOptions(call, query))
  return objectResponse(success(undefined, 201), 201)
}
