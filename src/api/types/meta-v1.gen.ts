// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta } from '../object.ts'

/** APIGroup contains the name, the supported versions, and the preferred version of a group. */
export interface APIGroup {
  readonly kind?: string
  readonly apiVersion?: string
  readonly name: string
  readonly versions: readonly GroupVersionForDiscovery[]
  readonly preferredVersion?: GroupVersionForDiscovery
  readonly serverAddressByClientCIDRs?: readonly ServerAddressByClientCIDR[]
}

/** APIGroupList is a list of APIGroup, to allow clients to discover the API at /apis. */
export interface APIGroupList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly groups: readonly APIGroup[]
}

/** APIResource specifies the name of a resource and whether it is namespaced. */
export interface APIResource {
  readonly name: string
  readonly singularName: string
  readonly namespaced: boolean
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly storageVersionHash?: string
}

/** APIResourceList is a list of APIResource, it is used to expose the name of the resources supported in a specif */
export interface APIResourceList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly groupVersion: string
  readonly resources: readonly APIResource[]
}

/** APIVersions lists the versions that are available, to allow clients to discover the API at /api, which is the */
export interface APIVersions {
  readonly kind?: string
  readonly apiVersion?: string
  readonly versions: readonly string[]
  readonly serverAddressByClientCIDRs: readonly ServerAddressByClientCIDR[]
}

/** Condition contains details for one aspect of the current state of this API Resource. */
export interface Condition {
  readonly type: string
  readonly status: string
  readonly observedGeneration?: number
  readonly lastTransitionTime: string
  readonly reason: string
  readonly message: string
}

/** FieldSelectorRequirement is a selector that contains values, a key, and an operator that relates the key and v */
export interface FieldSelectorRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** GroupResource specifies a Group and a Resource, but does not force a version. */
export interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** GroupVersion contains the "group/version" and "version" string of a version. */
export interface GroupVersionForDiscovery {
  readonly groupVersion: string
  readonly version: string
}

/** A label selector is a label query over a set of resources. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly LabelSelectorRequirement[]
}

/** A label selector requirement is a selector that contains values, a key, and an operator that relates the key a */
export interface LabelSelectorRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** Preconditions must be fulfilled before an operation (update, delete, etc.) is carried out. */
export interface Preconditions {
  readonly uid?: string
  readonly resourceVersion?: string
}

/** ServerAddressByClientCIDR helps the client to determine the server address that they should use, depending on */
export interface ServerAddressByClientCIDR {
  readonly clientCIDR: string
  readonly serverAddress: string
}

/** ShardInfo describes the shard selector that was applied to produce a list response. */
export interface ShardInfo {
  readonly selector: string
}

/** Status is a return value for calls that don't return other objects. */
export interface Status {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly status?: string
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code?: number
}

/** StatusCause provides more information about an api.Status failure, including cases when multiple errors are en */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

/** StatusDetails is a set of additional properties that MAY be set by the server to provide additional informatio */
export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** Event represents a single event to a watched resource. */
export interface WatchEvent {
  readonly object: unknown
  readonly type: string
}
