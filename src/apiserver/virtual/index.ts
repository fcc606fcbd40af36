/** All resources that are answered and not stored. */
import { bindings } from './binding.ts'
import { REVIEWS } from './reviews.ts'
import type { VirtualResource } from './virtual-resource.ts'

export const VIRTUAL_RESOURCES: readonly VirtualResource[] = [bindings, ...REVIEWS]
