// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { ObjectReference, PodTemplateSpec } from './core-v1.gen.ts'
import type { LabelSelector } from './meta-v1.gen.ts'

/** CronJob represents the configuration of a single cron job. */
export interface CronJob {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: CronJobSpec
  readonly status?: CronJobStatus
}

/** CronJobList is a collection of cron jobs. */
export interface CronJobList {
  readonly apiVersion?: string
  readonly items: readonly CronJob[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** CronJobSpec describes how the job execution will look like and when it will actually run. */
export interface CronJobSpec {
  readonly concurrencyPolicy?: string
  readonly failedJobsHistoryLimit?: number
  readonly jobTemplate: JobTemplateSpec
  readonly schedule: string
  readonly startingDeadlineSeconds?: number
  readonly successfulJobsHistoryLimit?: number
  readonly suspend?: boolean
  readonly timeZone?: string
}

/** CronJobStatus represents the current state of a cron job. */
export interface CronJobStatus {
  readonly active?: readonly ObjectReference[]
  readonly lastScheduleTime?: string
  readonly lastSuccessfulTime?: string
}

/** Job represents the configuration of a single job. */
export interface Job {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: JobSpec
  readonly status?: JobStatus
}

/** JobCondition describes current state of a job. */
export interface JobCondition {
  readonly lastProbeTime?: string
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** JobList is a collection of jobs. */
export interface JobList {
  readonly apiVersion?: string
  readonly items: readonly Job[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** JobSpec describes how the job execution will look like. */
export interface JobSpec {
  readonly activeDeadlineSeconds?: number
  readonly backoffLimit?: number
  readonly backoffLimitPerIndex?: number
  readonly completionMode?: string
  readonly completions?: number
  readonly managedBy?: string
  readonly manualSelector?: boolean
  readonly maxFailedIndexes?: number
  readonly parallelism?: number
  readonly podFailurePolicy?: PodFailurePolicy
  readonly podReplacementPolicy?: string
  readonly selector?: LabelSelector
  readonly successPolicy?: SuccessPolicy
  readonly suspend?: boolean
  readonly template: PodTemplateSpec
  readonly ttlSecondsAfterFinished?: number
}

/** JobStatus represents the current state of a Job. */
export interface JobStatus {
  readonly active?: number
  readonly completedIndexes?: string
  readonly completionTime?: string
  readonly conditions?: readonly JobCondition[]
  readonly failed?: number
  readonly failedIndexes?: string
  readonly ready?: number
  readonly startTime?: string
  readonly succeeded?: number
  readonly terminating?: number
  readonly uncountedTerminatedPods?: UncountedTerminatedPods
}

/** JobTemplateSpec describes the data a Job should have when created from a template */
export interface JobTemplateSpec {
  readonly metadata?: ObjectMeta
  readonly spec?: JobSpec
}

/** PodFailurePolicy describes how failed pods influence the backoffLimit. */
export interface PodFailurePolicy {
  readonly rules: readonly PodFailurePolicyRule[]
}

/** PodFailurePolicyOnExitCodesRequirement describes the requirement for handling a failed pod based on its contai */
export interface PodFailurePolicyOnExitCodesRequirement {
  readonly containerName?: string
  readonly operator: string
  readonly values: readonly number[]
}

/** PodFailurePolicyOnPodConditionsPattern describes a pattern for matching an actual pod condition type. */
export interface PodFailurePolicyOnPodConditionsPattern {
  readonly status?: string
  readonly type: string
}

/** PodFailurePolicyRule describes how a pod failure is handled when the requirements are met. */
export interface PodFailurePolicyRule {
  readonly action: string
  readonly onExitCodes?: PodFailurePolicyOnExitCodesRequirement
  readonly onPodConditions?: readonly PodFailurePolicyOnPodConditionsPattern[]
}

/** SuccessPolicy describes when a Job can be declared as succeeded based on the success of some indexes. */
export interface SuccessPolicy {
  readonly rules: readonly SuccessPolicyRule[]
}

/** SuccessPolicyRule describes rule for declaring a Job as succeeded. */
export interface SuccessPolicyRule {
  readonly succeededCount?: number
  readonly succeededIndexes?: string
}

/** UncountedTerminatedPods holds UIDs of Pods that have terminated but haven't been accounted in Job status count */
export interface UncountedTerminatedPods {
  readonly failed?: readonly string[]
  readonly succeeded?: readonly string[]
}
