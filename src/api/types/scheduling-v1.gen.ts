// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** PriorityClass defines mapping from a priority class name to the priority integer value. */
export interface PriorityClass {
  readonly apiVersion?: string
  readonly description?: string
  readonly globalDefault?: boolean
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly preemptionPolicy?: string
  readonly value?: number
}

/** PriorityClassList is a collection of priority classes. */
export interface PriorityClassList {
  readonly apiVersion?: string
  readonly items: readonly PriorityClass[]
  readonly kind?: string
  readonly metadata: ListMeta
}
