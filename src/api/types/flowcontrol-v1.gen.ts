// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** ExemptPriorityLevelConfiguration describes the configurable aspects of the handling of exempt requests. */
export interface ExemptPriorityLevelConfiguration {
  readonly lendablePercent?: number
  readonly nominalConcurrencyShares?: number
}

/** FlowDistinguisherMethod specifies the method of a flow distinguisher. */
export interface FlowDistinguisherMethod {
  readonly type: string
}

/** FlowSchema defines the schema of a group of flows. */
export interface FlowSchema {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: FlowSchemaSpec
  readonly status?: FlowSchemaStatus
}

/** FlowSchemaCondition describes conditions for a FlowSchema. */
export interface FlowSchemaCondition {
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status?: string
  readonly type?: string
}

/** FlowSchemaList is a list of FlowSchema objects. */
export interface FlowSchemaList {
  readonly apiVersion?: string
  readonly items: readonly FlowSchema[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** FlowSchemaSpec describes how the FlowSchema's specification looks like. */
export interface FlowSchemaSpec {
  readonly distinguisherMethod?: FlowDistinguisherMethod
  readonly matchingPrecedence?: number
  readonly priorityLevelConfiguration: PriorityLevelConfigurationReference
  readonly rules?: readonly PolicyRulesWithSubjects[]
}

/** FlowSchemaStatus represents the current state of a FlowSchema. */
export interface FlowSchemaStatus {
  readonly conditions?: readonly FlowSchemaCondition[]
}

/** GroupSubject holds detailed information for group-kind subject. */
export interface GroupSubject {
  readonly name: string
}

/** LimitResponse defines how to handle requests that can not be executed right now. */
export interface LimitResponse {
  readonly queuing?: QueuingConfiguration
  readonly type: string
}

/** LimitedPriorityLevelConfiguration specifies how to handle requests that are subject to limits. */
export interface LimitedPriorityLevelConfiguration {
  readonly borrowingLimitPercent?: number
  readonly lendablePercent?: number
  readonly limitResponse?: LimitResponse
  readonly nominalConcurrencyShares?: number
}

/** NonResourcePolicyRule is a predicate that matches non-resource requests according to their verb and the target */
export interface NonResourcePolicyRule {
  readonly nonResourceURLs: readonly string[]
  readonly verbs: readonly string[]
}

/** PolicyRulesWithSubjects prescribes a test that applies to a request to an apiserver. */
export interface PolicyRulesWithSubjects {
  readonly nonResourceRules?: readonly NonResourcePolicyRule[]
  readonly resourceRules?: readonly ResourcePolicyRule[]
  readonly subjects: readonly Subject[]
}

/** PriorityLevelConfiguration represents the configuration of a priority level. */
export interface PriorityLevelConfiguration {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: PriorityLevelConfigurationSpec
  readonly status?: PriorityLevelConfigurationStatus
}

/** PriorityLevelConfigurationCondition defines the condition of priority level. */
export interface PriorityLevelConfigurationCondition {
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status?: string
  readonly type?: string
}

/** PriorityLevelConfigurationList is a list of PriorityLevelConfiguration objects. */
export interface PriorityLevelConfigurationList {
  readonly apiVersion?: string
  readonly items: readonly PriorityLevelConfiguration[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PriorityLevelConfigurationReference contains information that points to the "request-priority" being used. */
export interface PriorityLevelConfigurationReference {
  readonly name: string
}

/** PriorityLevelConfigurationSpec specifies the configuration of a priority level. */
export interface PriorityLevelConfigurationSpec {
  readonly exempt?: ExemptPriorityLevelConfiguration
  readonly limited?: LimitedPriorityLevelConfiguration
  readonly type: string
}

/** PriorityLevelConfigurationStatus represents the current state of a "request-priority". */
export interface PriorityLevelConfigurationStatus {
  readonly conditions?: readonly PriorityLevelConfigurationCondition[]
}

/** QueuingConfiguration holds the configuration parameters for queuing */
export interface QueuingConfiguration {
  readonly handSize?: number
  readonly queueLengthLimit?: number
  readonly queues?: number
}

/** ResourcePolicyRule is a predicate that matches some resource requests, testing the request's verb and the targ */
export interface ResourcePolicyRule {
  readonly apiGroups: readonly string[]
  readonly clusterScope?: boolean
  readonly namespaces?: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** ServiceAccountSubject holds detailed information for service-account-kind subject. */
export interface ServiceAccountSubject {
  readonly name: string
  readonly namespace: string
}

/** Subject matches the originator of a request, as identified by the request authentication system. */
export interface Subject {
  readonly group?: GroupSubject
  readonly kind: string
  readonly serviceAccount?: ServiceAccountSubject
  readonly user?: UserSubject
}

/** UserSubject holds detailed information for user-kind subject. */
export interface UserSubject {
  readonly name: string
}
