// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { Toleration } from './core-v1.gen.ts'

/** Overhead structure represents the resource overhead associated with running a pod. */
export interface Overhead {
  readonly podFixed?: Readonly<Record<string, string>>
}

/** RuntimeClass defines a class of container runtime supported in the cluster. */
export interface RuntimeClass {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly handler: string
  readonly overhead?: Overhead
  readonly scheduling?: Scheduling
}

/** RuntimeClassList is a list of RuntimeClass objects. */
export interface RuntimeClassList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly RuntimeClass[]
}

/** Scheduling specifies the scheduling constraints for nodes supporting a RuntimeClass. */
export interface Scheduling {
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly tolerations?: readonly Toleration[]
}
