// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** APIService represents a server for a particular GroupVersion. */
export interface APIService {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: APIServiceSpec
  readonly status?: APIServiceStatus
}

/** APIServiceCondition describes the state of an APIService at a particular point */
export interface APIServiceCondition {
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** APIServiceList is a list of APIService objects. */
export interface APIServiceList {
  readonly apiVersion?: string
  readonly items: readonly APIService[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** APIServiceSpec contains information for locating and communicating with a server. */
export interface APIServiceSpec {
  readonly caBundle?: string
  readonly group?: string
  readonly groupPriorityMinimum: number
  readonly insecureSkipTLSVerify?: boolean
  readonly service?: ServiceReference
  readonly version?: string
  readonly versionPriority: number
}

/** APIServiceStatus contains derived information about an API server */
export interface APIServiceStatus {
  readonly conditions?: readonly APIServiceCondition[]
}

/** ServiceReference holds a reference to Service.legacy.k8s.io */
export interface ServiceReference {
  readonly name?: string
  readonly namespace?: string
  readonly port?: number
}
