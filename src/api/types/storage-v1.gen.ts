// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { PersistentVolumeSpec, TopologySelectorTerm } from './core-v1.gen.ts'
import type { LabelSelector } from './meta-v1.gen.ts'

/** CSIDriver captures information about a Container Storage Interface (CSI) volume driver deployed on the cluster */
export interface CSIDriver {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: CSIDriverSpec
}

/** CSIDriverList is a collection of CSIDriver objects. */
export interface CSIDriverList {
  readonly apiVersion?: string
  readonly items: readonly CSIDriver[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** CSIDriverSpec is the specification of a CSIDriver. */
export interface CSIDriverSpec {
  readonly attachRequired?: boolean
  readonly fsGroupPolicy?: string
  readonly nodeAllocatableUpdatePeriodSeconds?: number
  readonly podInfoOnMount?: boolean
  readonly preventPodSchedulingIfMissing?: boolean
  readonly requiresRepublish?: boolean
  readonly seLinuxMount?: boolean
  readonly serviceAccountTokenInSecrets?: boolean
  readonly storageCapacity?: boolean
  readonly tokenRequests?: readonly TokenRequest[]
  readonly volumeLifecycleModes?: readonly string[]
}

/** CSINode holds information about all CSI drivers installed on a node. */
export interface CSINode {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: CSINodeSpec
}

/** CSINodeDriver holds information about the specification of one CSI driver installed on a node */
export interface CSINodeDriver {
  readonly allocatable?: VolumeNodeResources
  readonly name: string
  readonly nodeID: string
  readonly topologyKeys?: readonly string[]
}

/** CSINodeList is a collection of CSINode objects. */
export interface CSINodeList {
  readonly apiVersion?: string
  readonly items: readonly CSINode[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** CSINodeSpec holds information about the specification of all CSI drivers installed on a node */
export interface CSINodeSpec {
  readonly drivers: readonly CSINodeDriver[]
}

/** CSIStorageCapacity stores the result of one CSI GetCapacity call. */
export interface CSIStorageCapacity {
  readonly apiVersion?: string
  readonly capacity?: string
  readonly kind?: string
  readonly maximumVolumeSize?: string
  readonly metadata: ObjectMeta
  readonly nodeTopology?: LabelSelector
  readonly storageClassName: string
}

/** CSIStorageCapacityList is a collection of CSIStorageCapacity objects. */
export interface CSIStorageCapacityList {
  readonly apiVersion?: string
  readonly items: readonly CSIStorageCapacity[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** StorageClass describes the parameters for a class of storage for which PersistentVolumes can be dynamically pr */
export interface StorageClass {
  readonly allowVolumeExpansion?: boolean
  readonly allowedTopologies?: readonly TopologySelectorTerm[]
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly mountOptions?: readonly string[]
  readonly parameters?: Readonly<Record<string, string>>
  readonly provisioner: string
  readonly reclaimPolicy?: string
  readonly volumeBindingMode?: string
}

/** StorageClassList is a collection of storage classes. */
export interface StorageClassList {
  readonly apiVersion?: string
  readonly items: readonly StorageClass[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** TokenRequest contains parameters of a service account token. */
export interface TokenRequest {
  readonly audience: string
  readonly expirationSeconds?: number
}

/** VolumeAttachment captures the intent to attach or detach the specified volume to/from the specified node. */
export interface VolumeAttachment {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: VolumeAttachmentSpec
  readonly status?: VolumeAttachmentStatus
}

/** VolumeAttachmentList is a collection of VolumeAttachment objects. */
export interface VolumeAttachmentList {
  readonly apiVersion?: string
  readonly items: readonly VolumeAttachment[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** VolumeAttachmentSource represents a volume that should be attached. */
export interface VolumeAttachmentSource {
  readonly inlineVolumeSpec?: PersistentVolumeSpec
  readonly persistentVolumeName?: string
}

/** VolumeAttachmentSpec is the specification of a VolumeAttachment request. */
export interface VolumeAttachmentSpec {
  readonly attacher: string
  readonly nodeName: string
  readonly source: VolumeAttachmentSource
}

/** VolumeAttachmentStatus is the status of a VolumeAttachment request. */
export interface VolumeAttachmentStatus {
  readonly attachError?: VolumeError
  readonly attached: boolean
  readonly attachmentMetadata?: Readonly<Record<string, string>>
  readonly detachError?: VolumeError
}

/** VolumeAttributesClass represents a specification of mutable volume attributes defined by the CSI driver. */
export interface VolumeAttributesClass {
  readonly apiVersion?: string
  readonly driverName: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly parameters?: Readonly<Record<string, string>>
}

/** VolumeAttributesClassList is a collection of VolumeAttributesClass objects. */
export interface VolumeAttributesClassList {
  readonly apiVersion?: string
  readonly items: readonly VolumeAttributesClass[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** VolumeError captures an error encountered during a volume operation. */
export interface VolumeError {
  readonly errorCode?: number
  readonly message?: string
  readonly time?: string
}

/** VolumeNodeResources is a set of resource limits for scheduling of volumes. */
export interface VolumeNodeResources {
  readonly count?: number
}
