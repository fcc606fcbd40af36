import type { KubernetesObject } from '../../api/object.ts'
import { assert } from '../../base/assert.ts'
import type { WriteStrategy } from '../../resources/declaration.ts'
import type { Call } from '../call.ts'

/** How the object or subresource of the call is written. */
export function strategyOf({ exchange: { info }, resource: { declaration } }: Call): WriteStrategy<KubernetesObject> {
  if (!info.subresource) return declaration.strategy
  const subresource = declaration.subresources?.find((s) => s.name === info.subresource)
  assert(subresource, `${declaration.kind} has no strategy for ${info.subresource}`)
  return subresource.strategy
}
