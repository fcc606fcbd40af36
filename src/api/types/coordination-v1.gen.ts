// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** Lease defines a lease concept. */
export interface Lease {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: LeaseSpec
}

/** LeaseList is a list of Lease objects. */
export interface LeaseList {
  readonly apiVersion?: string
  readonly items: readonly Lease[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** LeaseSpec is a specification of a Lease. */
export interface LeaseSpec {
  readonly acquireTime?: string
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly leaseTransitions?: number
  readonly preferredHolder?: string
  readonly renewTime?: string
  readonly strategy?: string
}
