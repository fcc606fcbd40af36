// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { LabelSelector } from './meta-v1.gen.ts'

/** ContainerResourceMetricSource indicates how to scale on a resource metric known to Kubernetes, as specified in */
export interface ContainerResourceMetricSource {
  readonly name: string
  readonly target: MetricTarget
  readonly container: string
}

/** ContainerResourceMetricStatus indicates the current value of a resource metric known to Kubernetes, as specifi */
export interface ContainerResourceMetricStatus {
  readonly name: string
  readonly current: MetricValueStatus
  readonly container: string
}

/** CrossVersionObjectReference contains enough information to let you identify the referred resource. */
export interface CrossVersionObjectReference {
  readonly kind: string
  readonly name: string
  readonly apiVersion?: string
}

/** ExternalMetricSource indicates how to scale on a metric not associated with any Kubernetes object (for example */
export interface ExternalMetricSource {
  readonly metric: MetricIdentifier
  readonly target: MetricTarget
}

/** ExternalMetricStatus indicates the current value of a global metric not associated with any Kubernetes object. */
export interface ExternalMetricStatus {
  readonly metric: MetricIdentifier
  readonly current: MetricValueStatus
}

/** HPAScalingPolicy is a single policy which must hold true for a specified past interval. */
export interface HPAScalingPolicy {
  readonly type: string
  readonly value: number
  readonly periodSeconds: number
}

/** HPAScalingRules configures the scaling behavior for one direction via scaling Policy Rules and a configurable */
export interface HPAScalingRules {
  readonly stabilizationWindowSeconds?: number
  readonly selectPolicy?: string
  readonly policies?: readonly HPAScalingPolicy[]
  readonly tolerance?: string
}

/** HorizontalPodAutoscaler is the configuration for a horizontal pod autoscaler, which automatically manages the */
export interface HorizontalPodAutoscaler {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: HorizontalPodAutoscalerSpec
  readonly status?: HorizontalPodAutoscalerStatus
}

/** HorizontalPodAutoscalerBehavior configures the scaling behavior of the target in both Up and Down directions ( */
export interface HorizontalPodAutoscalerBehavior {
  readonly scaleUp?: HPAScalingRules
  readonly scaleDown?: HPAScalingRules
}

/** HorizontalPodAutoscalerCondition describes the state of a HorizontalPodAutoscaler at a certain point. */
export interface HorizontalPodAutoscalerCondition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime?: string
  readonly reason?: string
  readonly message?: string
}

/** HorizontalPodAutoscalerList is a list of horizontal pod autoscaler objects. */
export interface HorizontalPodAutoscalerList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly HorizontalPodAutoscaler[]
}

/** HorizontalPodAutoscalerSpec describes the desired functionality of the HorizontalPodAutoscaler. */
export interface HorizontalPodAutoscalerSpec {
  readonly scaleTargetRef: CrossVersionObjectReference
  readonly minReplicas?: number
  readonly maxReplicas: number
  readonly metrics?: readonly MetricSpec[]
  readonly behavior?: HorizontalPodAutoscalerBehavior
}

/** HorizontalPodAutoscalerStatus describes the current status of a horizontal pod autoscaler. */
export interface HorizontalPodAutoscalerStatus {
  readonly observedGeneration?: number
  readonly lastScaleTime?: string
  readonly currentReplicas?: number
  readonly desiredReplicas: number
  readonly currentMetrics?: readonly MetricStatus[]
  readonly conditions?: readonly HorizontalPodAutoscalerCondition[]
}

/** MetricIdentifier defines the name and optionally selector for a metric */
export interface MetricIdentifier {
  readonly name: string
  readonly selector?: LabelSelector
}

/** MetricSpec specifies how to scale based on a single metric (only `type` and one other matching field should be */
export interface MetricSpec {
  readonly type: string
  readonly object?: ObjectMetricSource
  readonly pods?: PodsMetricSource
  readonly resource?: ResourceMetricSource
  readonly containerResource?: ContainerResourceMetricSource
  readonly external?: ExternalMetricSource
}

/** MetricStatus describes the last-read state of a single metric. */
export interface MetricStatus {
  readonly type: string
  readonly object?: ObjectMetricStatus
  readonly pods?: PodsMetricStatus
  readonly resource?: ResourceMetricStatus
  readonly containerResource?: ContainerResourceMetricStatus
  readonly external?: ExternalMetricStatus
}

/** MetricTarget defines the target value, average value, or average utilization of a specific metric */
export interface MetricTarget {
  readonly type: string
  readonly value?: string
  readonly averageValue?: string
  readonly averageUtilization?: number
}

/** MetricValueStatus holds the current value for a metric */
export interface MetricValueStatus {
  readonly value?: string
  readonly averageValue?: string
  readonly averageUtilization?: number
}

/** ObjectMetricSource indicates how to scale on a metric describing a kubernetes object (for example, hits-per-se */
export interface ObjectMetricSource {
  readonly describedObject: CrossVersionObjectReference
  readonly target: MetricTarget
  readonly metric: MetricIdentifier
}

/** ObjectMetricStatus indicates the current value of a metric describing a kubernetes object (for example, hits-p */
export interface ObjectMetricStatus {
  readonly metric: MetricIdentifier
  readonly current: MetricValueStatus
  readonly describedObject: CrossVersionObjectReference
}

/** PodsMetricSource indicates how to scale on a metric describing each pod in the current scale target (for examp */
export interface PodsMetricSource {
  readonly metric: MetricIdentifier
  readonly target: MetricTarget
}

/** PodsMetricStatus indicates the current value of a metric describing each pod in the current scale target (for */
export interface PodsMetricStatus {
  readonly metric: MetricIdentifier
  readonly current: MetricValueStatus
}

/** ResourceMetricSource indicates how to scale on a resource metric known to Kubernetes, as specified in requests */
export interface ResourceMetricSource {
  readonly name: string
  readonly target: MetricTarget
}

/** ResourceMetricStatus indicates the current value of a resource metric known to Kubernetes, as specified in req */
export interface ResourceMetricStatus {
  readonly name: string
  readonly current: MetricValueStatus
}
