// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** Lease defines a lease concept. */
export interface Lease {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: LeaseSpec
}

/** LeaseList is a list of Lease objects. */
export interface LeaseList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly Lease[]
}

/** LeaseSpec is a specification of a Lease. */
export interface LeaseSpec {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
  readonly strategy?: string
  readonly preferredHolder?: string
}
