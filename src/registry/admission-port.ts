/**
 * Admission as a port: what may change a request's object (`mutate`) or refuse it (`validate`) besides the declaration itself.
 * The API server composes the built-in plugins; webhooks and policies come in here later. Both may answer at once or with a
 * Promise: they run outside of the store's transaction.
 */
import type { Draft, KubernetesObject } from '../api/object.ts'
import type { UserInfo } from '../wire/exchange.ts'
import type { StoredResource } from './resource.ts'

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

export interface AdmissionAttributes {
  readonly operation: AdmissionOperation
  readonly resource: StoredResource
  /** '' for the main resource. */
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly user: UserInfo
  readonly dryRun: boolean
  /** The object before the request; undefined for a create. */
  readonly old: KubernetesObject | undefined
  /** Reads the newest state, also what is not durable yet; undefined for a resource that is not served. */
  lookup(group: string, plural: string, namespace: string, name: string): KubernetesObject | undefined
  warn(text: string): void
}

export interface AdmissionPort {
  /** Changes `draft` in place, or throws ApiError. */
  mutate(attributes: AdmissionAttributes, draft: Draft<KubernetesObject>): void | Promise<void>
  /** Throws ApiError to refuse. `object` is undefined for a delete. */
  validate(attributes: AdmissionAttributes, object: KubernetesObject | undefined): void | Promise<void>
}

/** Admits everything as it is. */
export const admitAll: AdmissionPort = { mutate() {}, validate() {} }
