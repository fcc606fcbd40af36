import type { DeleteOptions, KubernetesObject } from '../../api/object.ts'
import { badRequest } from '../../api/status.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { readDefinition } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { objectResponse, success } from '../respond.ts'
import { writeQuery } from '../write-query.ts'

interface Eviction extends KubernetesObject {
  readonly deleteOptions?: DeleteOptions
}

/** POST of pods/NAME/eviction: a delete that leaves its reason on the pod. */
export async function handleEviction(call: Call): Promise<ApiResponse> {
  const query = writeQuery(call.exchange, 'CreateOptions')
  const sent = await readDefinition<Eviction>(call, 'io.k8s.api.policy.v1.Eviction', query)
  const name = sent.metadata?.name
  if (name && name !== call.exchange.info.name) throw badRequest('name in URL does not match name in Eviction object')
  const options: DeleteOptions = sent.deleteOptions ?? {}
  const dryRun = query.dryRun || (options.dryRun?.length ?? 0) > 0
  await call.parts.registry.evict(call.resource, writeOptions(call, { ...query, dryRun }), options)
  return objectResponse(success(undefined, 201), 201)
}
