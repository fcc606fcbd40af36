/** All kinds that are served, in the order of discovery. A new kind is a declaration and a line here. */
import type { KubernetesObject } from '../api/object.ts'
import { ADMISSION_REGISTRATIONS } from './admissionregistration/admission-registration.ts'
import { customResourceDefinition } from './apiextensions/custom-resource-definition.ts'
import { apiService } from './apiregistration/api-service.ts'
import { controllerRevision } from './apps/controller-revision.ts'
import { daemonSet } from './apps/daemon-set.ts'
import { deployment } from './apps/deployment.ts'
import { replicaSet } from './apps/replica-set.ts'
import { statefulSet } from './apps/stateful-set.ts'
import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts'
import { horizontalPodAutoscalerV1 } from './autoscaling/horizontal-pod-autoscaler-v1.ts'
import { cronJob } from './batch/cron-job.ts'
import { job } from './batch/job.ts'
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts'
import { lease } from './coordination/lease.ts'
import { configMap } from './core/config-map.ts'
import { endpoints } from './core/endpoints.ts'
import { event } from './core/event.ts'
import { limitRange } from './core/limit-range.ts'
import { namespace } from './core/namespace.ts'
import { node } from './core/node.ts'
import { persistentVolume } from './core/persistent-volume.ts'
import { persistentVolumeClaim } from './core/persistent-volume-claim.ts'
import { pod } from './core/pod.ts'
import { podTemplate } from './core/pod-template.ts'
import { replicationController } from './core/replication-controller.ts'
import { resourceQuota } from './core/resource-quota.ts'
import { secret } from './core/secret.ts'
import { service } from './core/service.ts'
import { serviceAccount } from './core/service-account.ts'
import type { ResourceDeclaration } from './declaration.ts'
import { endpointSlice } from './discovery/endpoint-slice.ts'
import { eventView } from './events/event.ts'
import { flowSchema } from './flowcontrol/flow-schema.ts'
import { priorityLevelConfiguration } from './flowcontrol/priority-level-configuration.ts'
import { ingress } from './networking/ingress.ts'
import { ingressClass } from './networking/ingress-class.ts'
import { ipAddress } from './networking/ip-address.ts'
import { networkPolicy } from './networking/network-policy.ts'
import { serviceCidr } from './networking/service-cidr.ts'
import { runtimeClass } from './node/runtime-class.ts'
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts'
import { clusterRole } from './rbac/cluster-role.ts'
import { clusterRoleBinding } from './rbac/cluster-role-binding.ts'
import { role } from './rbac/role.ts'
import { roleBinding } from './rbac/role-binding.ts'
import { deviceClass } from './resource/device-class.ts'
import { resourceClaim } from './resource/resource-claim.ts'
import { resourceClaimTemplate } from './resource/resource-claim-template.ts'
import { resourceSlice } from './resource/resource-slice.ts'
import { priorityClass } from './scheduling/priority-class.ts'
import { csiDriver } from './storage/csi-driver.ts'
import { csiNode } from './storage/csi-node.ts'
import { csiStorageCapacity } from './storage/csi-storage-capacity.ts'
import { storageClass } from './storage/storage-class.ts'
import { volumeAttachment } from './storage/volume-attachment.ts'
import { volumeAttributesClass } from './storage/volume-attributes-class.ts'

/** The machinery treats all kinds alike and gives each declaration only its own objects. */
function erased<T extends KubernetesObject>(declaration: ResourceDeclaration<T>): ResourceDeclaration {
  return declaration as unknown as ResourceDeclaration
}

export const RESOURCES: readonly ResourceDeclaration[] = [
  erased(configMap),
  erased(endpoints),
  erased(event),
  erased(limitRange),
  erased(namespace),
  erased(node),
  erased(persistentVolumeClaim),
  erased(persistentVolume),
  erased(pod),
  erased(podTemplate),
  erased(replicationController),
  erased(resourceQuota),
  erased(secret),
  erased(serviceAccount),
  erased(service),
  apiService,
  erased(controllerRevision),
  erased(daemonSet),
  erased(deployment),
  erased(replicaSet),
  erased(statefulSet),
  erased(eventView),
  erased(horizontalPodAutoscaler),
  erased(horizontalPodAutoscalerV1),
  erased(cronJob),
  erased(job),
  erased(certificateSigningRequest),
  erased(ingressClass),
  erased(ingress),
  erased(ipAddress),
  erased(networkPolicy),
  erased(serviceCidr),
  erased(podDisruptionBudget),
  erased(clusterRoleBinding),
  erased(clusterRole),
  erased(roleBinding),
  erased(role),
  erased(csiDriver),
  erased(csiNode),
  erased(csiStorageCapacity),
  erased(storageClass),
  erased(volumeAttachment),
  erased(volumeAttributesClass),
  ...ADMISSION_REGISTRATIONS,
  customResourceDefinition,
  erased(priorityClass),
  erased(lease),
  erased(runtimeClass),
  erased(endpointSlice),
  erased(flowSchema),
  erased(priorityLevelConfiguration),
  erased(deviceClass),
  erased(resourceClaimTemplate),
  erased(resourceClaim),
  erased(resourceSlice),
]
