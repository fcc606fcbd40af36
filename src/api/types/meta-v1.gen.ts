// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta } from '../object.ts'

/** APIGroup contains the name, the supported versions, and the preferred version of a group. */
export interface APIGroup {
  readonly apiVersion?: string
  readonly kind?: string
  readonly name: string
  readonly preferredVersion?: GroupVersionForDiscovery
  readonly serverAddressByClientCIDRs?: readonly ServerAddressByClientCIDR[]
  readonly versions: readonly GroupVersionForDiscovery[]
}

/** APIGroupList is a list of APIGroup, to allow clients to discover the API at /apis. */
export interface APIGroupList {
  readonly apiVersion?: string
  readonly groups: readonly APIGroup[]
  readonly kind?: string
}

/** APIResource specifies the name of a resource and whether it is namespaced. */
export interface APIResource {
  readonly categories?: readonly string[]
  readonly group?: string
  readonly kind: string
  readonly name: string
  readonly namespaced: boolean
  readonly shortNames?: readonly string[]
  readonly singularName: string
  readonly storageVersionHash?: string
  readonly verbs: readonly string[]
  readonly version?: string
}

/** APIResourceList is a list of APIResource, it is used to expose the name of the resources supported in a specif */
export interface APIResourceList {
  readonly apiVersion?: string
  readonly groupVersion: string
  readonly kind?: string
  readonly resources: readonly APIResource[]
}

/** APIVersions lists the versions that are available, to allow clients to discover the API at /api, which is the */
export interface APIVersions {
  readonly apiVersion?: string
  readonly kind?: string
  readonly serverAddressByClientCIDRs: readonly ServerAddressByClientCIDR[]
  readonly versions: readonly string[]
}

/** Condition contains details for one aspect of the current state of this API Resource. */
export interface Condition {
  readonly lastTransitionTime: string
  readonly message: string
  readonly observedGeneration?: number
  readonly reason: string
  readonly status: string
  readonly type: string
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
  readonly matchExpressions?: readonly LabelSelectorRequirement[]
  readonly matchLabels?: Readonly<Record<string, string>>
}

/** A label selector requirement is a selector that contains values, a key, and an operator that relates the key a */
export interface LabelSelectorRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** Preconditions must be fulfilled before an operation (update, delete, etc.) is carried out. */
export interface Preconditions {
  readonly resourceVersion?: string
  readonly uid?: string
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
  readonly apiVersion?: string
  readonly code?: number
  readonly details?: StatusDetails
  readonly kind?: string
  readonly message?: string
  readonly metadata: ListMeta
  readonly reason?: string
  readonly status?: string
}

/** StatusCause provides more information about an api.Status failure, including cases when multiple errors are en */
export interface StatusCause {
  readonly field?: string
  readonly message?: string
  readonly reason?: string
}

/** StatusDetails is a set of additional properties that MAY be set by the server to provide additional informatio */
export interface StatusDetails {
  readonly causes?: readonly StatusCause[]
  readonly group?: string
  readonly kind?: string
  readonly name?: string
  readonly retryAfterSeconds?: number
  readonly uid?: string
}

/** Event represents a single event to a watched resource. */
export interface WatchEvent {
  readonly object: unknown
  readonly type: string
}
