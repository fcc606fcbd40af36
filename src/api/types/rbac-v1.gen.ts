// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { LabelSelector } from './meta-v1.gen.ts'

/** AggregationRule describes how to locate ClusterRoles to aggregate into the ClusterRole */
export interface AggregationRule {
  readonly clusterRoleSelectors?: readonly LabelSelector[]
}

/** ClusterRole is a cluster level, logical grouping of PolicyRules that can be referenced as a unit by a RoleBind */
export interface ClusterRole {
  readonly aggregationRule?: AggregationRule
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly rules?: readonly PolicyRule[]
}

/** ClusterRoleBinding references a ClusterRole, but not contain it. */
export interface ClusterRoleBinding {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

/** ClusterRoleBindingList is a collection of ClusterRoleBindings */
export interface ClusterRoleBindingList {
  readonly apiVersion?: string
  readonly items: readonly ClusterRoleBinding[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ClusterRoleList is a collection of ClusterRoles */
export interface ClusterRoleList {
  readonly apiVersion?: string
  readonly items: readonly ClusterRole[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PolicyRule holds information that describes a policy rule, but does not contain information about who the rule */
export interface PolicyRule {
  readonly apiGroups?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly resources?: readonly string[]
  readonly verbs: readonly string[]
}

/** Role is a namespaced, logical grouping of PolicyRules that can be referenced as a unit by a RoleBinding. */
export interface Role {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly rules?: readonly PolicyRule[]
}

/** RoleBinding references a role, but does not contain it. */
export interface RoleBinding {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

/** RoleBindingList is a collection of RoleBindings */
export interface RoleBindingList {
  readonly apiVersion?: string
  readonly items: readonly RoleBinding[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** RoleList is a collection of Roles */
export interface RoleList {
  readonly apiVersion?: string
  readonly items: readonly Role[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** RoleRef contains information that points to the role being used */
export interface RoleRef {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
}

/** Subject contains a reference to the object or user identities a role binding applies to. */
export interface Subject {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}
