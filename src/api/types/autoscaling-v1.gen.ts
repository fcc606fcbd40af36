// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'

/** CrossVersionObjectReference contains enough information to let you identify the referred resource. */
export interface CrossVersionObjectReference {
  readonly kind: string
  readonly name: string
  readonly apiVersion?: string
}

/** configuration of a horizontal pod autoscaler. */
export interface HorizontalPodAutoscaler {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: HorizontalPodAutoscalerSpec
  readonly status?: HorizontalPodAutoscalerStatus
}

/** list of horizontal pod autoscaler objects. */
export interface HorizontalPodAutoscalerList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly HorizontalPodAutoscaler[]
}

/** specification of a horizontal pod autoscaler. */
export interface HorizontalPodAutoscalerSpec {
  readonly scaleTargetRef: CrossVersionObjectReference
  readonly minReplicas?: number
  readonly maxReplicas: number
  readonly targetCPUUtilizationPercentage?: number
}

/** current status of a horizontal pod autoscaler */
export interface HorizontalPodAutoscalerStatus {
  readonly observedGeneration?: number
  readonly lastScaleTime?: string
  readonly currentReplicas: number
  readonly desiredReplicas: number
  readonly currentCPUUtilizationPercentage?: number
}

/** Scale represents a scaling request for a resource. */
export interface Scale {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: ScaleSpec
  readonly status?: ScaleStatus
}

/** ScaleSpec describes the attributes of a scale subresource. */
export interface ScaleSpec {
  readonly replicas?: number
}

/** ScaleStatus represents the current status of a scale subresource. */
export interface ScaleStatus {
  readonly replicas: number
  readonly selector?: string
}
