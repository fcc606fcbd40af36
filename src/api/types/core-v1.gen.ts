// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { Condition, LabelSelector } from './meta-v1.gen.ts'

/** Represents a Persistent Disk resource in AWS. */
export interface AWSElasticBlockStoreVolumeSource {
  readonly fsType?: string
  readonly partition?: number
  readonly readOnly?: boolean
  readonly volumeID: string
}

/** Affinity is a group of affinity scheduling rules. */
export interface Affinity {
  readonly nodeAffinity?: NodeAffinity
  readonly podAffinity?: PodAffinity
  readonly podAntiAffinity?: PodAntiAffinity
}

/** AppArmorProfile defines a pod or container's AppArmor settings. */
export interface AppArmorProfile {
  readonly localhostProfile?: string
  readonly type: string
}

/** AttachedVolume describes a volume attached to a node */
export interface AttachedVolume {
  readonly devicePath: string
  readonly name: string
}

/** AzureDisk represents an Azure Data Disk mount on the host and bind mount to the pod. */
export interface AzureDiskVolumeSource {
  readonly cachingMode?: string
  readonly diskName: string
  readonly diskURI: string
  readonly fsType?: string
  readonly kind?: string
  readonly readOnly?: boolean
}

/** AzureFile represents an Azure File Service mount on the host and bind mount to the pod. */
export interface AzureFilePersistentVolumeSource {
  readonly readOnly?: boolean
  readonly secretName: string
  readonly secretNamespace?: string
  readonly shareName: string
}

/** AzureFile represents an Azure File Service mount on the host and bind mount to the pod. */
export interface AzureFileVolumeSource {
  readonly readOnly?: boolean
  readonly secretName: string
  readonly shareName: string
}

/** Binding ties one object to another; for example, a pod is bound to a node by a scheduler. */
export interface Binding {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly target: ObjectReference
}

/** Represents storage that is managed by an external CSI volume driver */
export interface CSIPersistentVolumeSource {
  readonly controllerExpandSecretRef?: SecretReference
  readonly controllerPublishSecretRef?: SecretReference
  readonly driver: string
  readonly fsType?: string
  readonly nodeExpandSecretRef?: SecretReference
  readonly nodePublishSecretRef?: SecretReference
  readonly nodeStageSecretRef?: SecretReference
  readonly readOnly?: boolean
  readonly volumeAttributes?: Readonly<Record<string, string>>
  readonly volumeHandle: string
}

/** Represents a source location of a volume to mount, managed by an external CSI driver */
export interface CSIVolumeSource {
  readonly driver: string
  readonly fsType?: string
  readonly nodePublishSecretRef?: LocalObjectReference
  readonly readOnly?: boolean
  readonly volumeAttributes?: Readonly<Record<string, string>>
}

/** Adds and removes POSIX capabilities from running containers. */
export interface Capabilities {
  readonly add?: readonly string[]
  readonly drop?: readonly string[]
}

/** Represents a Ceph Filesystem mount that lasts the lifetime of a pod Cephfs volumes do not support ownership ma */
export interface CephFSPersistentVolumeSource {
  readonly monitors: readonly string[]
  readonly path?: string
  readonly readOnly?: boolean
  readonly secretFile?: string
  readonly secretRef?: SecretReference
  readonly user?: string
}

/** Represents a Ceph Filesystem mount that lasts the lifetime of a pod Cephfs volumes do not support ownership ma */
export interface CephFSVolumeSource {
  readonly monitors: readonly string[]
  readonly path?: string
  readonly readOnly?: boolean
  readonly secretFile?: string
  readonly secretRef?: LocalObjectReference
  readonly user?: string
}

/** Represents a cinder volume resource in Openstack. */
export interface CinderPersistentVolumeSource {
  readonly fsType?: string
  readonly readOnly?: boolean
  readonly secretRef?: SecretReference
  readonly volumeID: string
}

/** Represents a cinder volume resource in Openstack. */
export interface CinderVolumeSource {
  readonly fsType?: string
  readonly readOnly?: boolean
  readonly secretRef?: LocalObjectReference
  readonly volumeID: string
}

/** ClientIPConfig represents the configurations of Client IP based session affinity. */
export interface ClientIPConfig {
  readonly timeoutSeconds?: number
}

/** ClusterTrustBundleProjection describes how to select a set of ClusterTrustBundle objects and project their con */
export interface ClusterTrustBundleProjection {
  readonly labelSelector?: LabelSelector
  readonly name?: string
  readonly optional?: boolean
  readonly path: string
  readonly signerName?: string
}

/** Information about the condition of a component. */
export interface ComponentCondition {
  readonly error?: string
  readonly message?: string
  readonly status: string
  readonly type: string
}

/** ComponentStatus (and ComponentStatusList) holds the cluster validation info. */
export interface ComponentStatus {
  readonly apiVersion?: string
  readonly conditions?: readonly ComponentCondition[]
  readonly kind?: string
  readonly metadata: ObjectMeta
}

/** Status of all the conditions for the component as a list of ComponentStatus objects. */
export interface ComponentStatusList {
  readonly apiVersion?: string
  readonly items: readonly ComponentStatus[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ConfigMap holds configuration data for pods to consume. */
export interface ConfigMap {
  readonly apiVersion?: string
  readonly binaryData?: Readonly<Record<string, string>>
  readonly data?: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly kind?: string
  readonly metadata: ObjectMeta
}

/** ConfigMapEnvSource selects a ConfigMap to populate the environment variables with. */
export interface ConfigMapEnvSource {
  readonly name?: string
  readonly optional?: boolean
}

/** Selects a key from a ConfigMap. */
export interface ConfigMapKeySelector {
  readonly key: string
  readonly name?: string
  readonly optional?: boolean
}

/** ConfigMapList is a resource containing a list of ConfigMap objects. */
export interface ConfigMapList {
  readonly apiVersion?: string
  readonly items: readonly ConfigMap[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ConfigMapNodeConfigSource contains the information to reference a ConfigMap as a config source for the Node. */
export interface ConfigMapNodeConfigSource {
  readonly kubeletConfigKey: string
  readonly name: string
  readonly namespace: string
  readonly resourceVersion?: string
  readonly uid?: string
}

/** Adapts a ConfigMap into a projected volume. */
export interface ConfigMapProjection {
  readonly items?: readonly KeyToPath[]
  readonly name?: string
  readonly optional?: boolean
}

/** Adapts a ConfigMap into a volume. */
export interface ConfigMapVolumeSource {
  readonly defaultMode?: number
  readonly items?: readonly KeyToPath[]
  readonly name?: string
  readonly optional?: boolean
}

/** A single application container that you want to run within a pod. */
export interface Container {
  readonly args?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly EnvVar[]
  readonly envFrom?: readonly EnvFromSource[]
  readonly image?: string
  readonly imagePullPolicy?: string
  readonly lifecycle?: Lifecycle
  readonly livenessProbe?: Probe
  readonly name: string
  readonly ports?: readonly ContainerPort[]
  readonly readinessProbe?: Probe
  readonly resizePolicy?: readonly ContainerResizePolicy[]
  readonly resources?: ResourceRequirements
  readonly restartPolicy?: string
  readonly restartPolicyRules?: readonly ContainerRestartRule[]
  readonly securityContext?: SecurityContext
  readonly startupProbe?: Probe
  readonly stdin?: boolean
  readonly stdinOnce?: boolean
  readonly terminationMessagePath?: string
  readonly terminationMessagePolicy?: string
  readonly tty?: boolean
  readonly volumeDevices?: readonly VolumeDevice[]
  readonly volumeMounts?: readonly VolumeMount[]
  readonly workingDir?: string
}

/** ContainerExtendedResourceRequest has the mapping of container name, extended resource name to the device reque */
export interface ContainerExtendedResourceRequest {
  readonly containerName: string
  readonly requestName: string
  readonly resourceName: string
}

/** Describe a container image */
export interface ContainerImage {
  readonly names?: readonly string[]
  readonly sizeBytes?: number
}

/** ContainerPort represents a network port in a single container. */
export interface ContainerPort {
  readonly containerPort: number
  readonly hostIP?: string
  readonly hostPort?: number
  readonly name?: string
  readonly protocol?: string
}

/** ContainerResizePolicy represents resource resize policy for the container. */
export interface ContainerResizePolicy {
  readonly resourceName: string
  readonly restartPolicy: string
}

/** ContainerRestartRule describes how a container exit is handled. */
export interface ContainerRestartRule {
  readonly action: string
  readonly exitCodes?: ContainerRestartRuleOnExitCodes
}

/** ContainerRestartRuleOnExitCodes describes the condition for handling an exited container based on its exit cod */
export interface ContainerRestartRuleOnExitCodes {
  readonly operator: string
  readonly values?: readonly number[]
}

/** ContainerState holds a possible state of container. */
export interface ContainerState {
  readonly running?: ContainerStateRunning
  readonly terminated?: ContainerStateTerminated
  readonly waiting?: ContainerStateWaiting
}

/** ContainerStateRunning is a running state of a container. */
export interface ContainerStateRunning {
  readonly startedAt?: string
}

/** ContainerStateTerminated is a terminated state of a container. */
export interface ContainerStateTerminated {
  readonly containerID?: string
  readonly exitCode: number
  readonly finishedAt?: string
  readonly message?: string
  readonly reason?: string
  readonly signal?: number
  readonly startedAt?: string
}

/** ContainerStateWaiting is a waiting state of a container. */
export interface ContainerStateWaiting {
  readonly message?: string
  readonly reason?: string
}

/** ContainerStatus contains details for the current status of this container. */
export interface ContainerStatus {
  readonly allocatedResources?: Readonly<Record<string, string>>
  readonly allocatedResourcesStatus?: readonly ResourceStatus[]
  readonly containerID?: string
  readonly image: string
  readonly imageID: string
  readonly lastState?: ContainerState
  readonly name: string
  readonly ready: boolean
  readonly resources?: ResourceRequirements
  readonly restartCount: number
  readonly started?: boolean
  readonly state?: ContainerState
  readonly stopSignal?: string
  readonly user?: ContainerUser
  readonly volumeMounts?: readonly VolumeMountStatus[]
}

/** ContainerUser represents user identity information */
export interface ContainerUser {
  readonly linux?: LinuxContainerUser
}

/** DaemonEndpoint contains information about a single Daemon endpoint. */
export interface DaemonEndpoint {
  readonly Port: number
}

/** Represents downward API info for projecting into a projected volume. */
export interface DownwardAPIProjection {
  readonly items?: readonly DownwardAPIVolumeFile[]
}

/** DownwardAPIVolumeFile represents information to create the file containing the pod field */
export interface DownwardAPIVolumeFile {
  readonly fieldRef?: ObjectFieldSelector
  readonly mode?: number
  readonly path: string
  readonly resourceFieldRef?: ResourceFieldSelector
}

/** DownwardAPIVolumeSource represents a volume containing downward API info. */
export interface DownwardAPIVolumeSource {
  readonly defaultMode?: number
  readonly items?: readonly DownwardAPIVolumeFile[]
}

/** Represents an empty directory for a pod. */
export interface EmptyDirVolumeSource {
  readonly medium?: string
  readonly sizeLimit?: string
}

/** EndpointAddress is a tuple that describes single IP address. */
export interface EndpointAddress {
  readonly hostname?: string
  readonly ip: string
  readonly nodeName?: string
  readonly targetRef?: ObjectReference
}

/** EndpointPort is a tuple that describes a single port. */
export interface EndpointPort {
  readonly appProtocol?: string
  readonly name?: string
  readonly port: number
  readonly protocol?: string
}

/** EndpointSubset is a group of addresses with a common set of ports. */
export interface EndpointSubset {
  readonly addresses?: readonly EndpointAddress[]
  readonly notReadyAddresses?: readonly EndpointAddress[]
  readonly ports?: readonly EndpointPort[]
}

/** Endpoints is a collection of endpoints that implement the actual service. */
export interface Endpoints {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly subsets?: readonly EndpointSubset[]
}

/** EndpointsList is a list of endpoints. */
export interface EndpointsList {
  readonly apiVersion?: string
  readonly items: readonly Endpoints[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** EnvFromSource represents the source of a set of ConfigMaps or Secrets */
export interface EnvFromSource {
  readonly configMapRef?: ConfigMapEnvSource
  readonly prefix?: string
  readonly secretRef?: SecretEnvSource
}

/** EnvVar represents an environment variable present in a Container. */
export interface EnvVar {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: EnvVarSource
}

/** EnvVarSource represents a source for the value of an EnvVar. */
export interface EnvVarSource {
  readonly configMapKeyRef?: ConfigMapKeySelector
  readonly fieldRef?: ObjectFieldSelector
  readonly fileKeyRef?: FileKeySelector
  readonly resourceFieldRef?: ResourceFieldSelector
  readonly secretKeyRef?: SecretKeySelector
}

/** An EphemeralContainer is a temporary container that you may add to an existing Pod for user-initiated activiti */
export interface EphemeralContainer {
  readonly args?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly EnvVar[]
  readonly envFrom?: readonly EnvFromSource[]
  readonly image?: string
  readonly imagePullPolicy?: string
  readonly lifecycle?: Lifecycle
  readonly livenessProbe?: Probe
  readonly name: string
  readonly ports?: readonly ContainerPort[]
  readonly readinessProbe?: Probe
  readonly resizePolicy?: readonly ContainerResizePolicy[]
  readonly resources?: ResourceRequirements
  readonly restartPolicy?: string
  readonly restartPolicyRules?: readonly ContainerRestartRule[]
  readonly securityContext?: SecurityContext
  readonly startupProbe?: Probe
  readonly stdin?: boolean
  readonly stdinOnce?: boolean
  readonly targetContainerName?: string
  readonly terminationMessagePath?: string
  readonly terminationMessagePolicy?: string
  readonly tty?: boolean
  readonly volumeDevices?: readonly VolumeDevice[]
  readonly volumeMounts?: readonly VolumeMount[]
  readonly workingDir?: string
}

/** Represents an ephemeral volume that is handled by a normal storage driver. */
export interface EphemeralVolumeSource {
  readonly volumeClaimTemplate?: PersistentVolumeClaimTemplate
}

/** Event is a report of an event somewhere in the cluster. */
export interface Event {
  readonly action?: string
  readonly apiVersion?: string
  readonly count?: number
  readonly eventTime?: string
  readonly firstTimestamp?: string
  readonly involvedObject: ObjectReference
  readonly kind?: string
  readonly lastTimestamp?: string
  readonly message?: string
  readonly metadata: ObjectMeta
  readonly reason?: string
  readonly related?: ObjectReference
  readonly reportingComponent?: string
  readonly reportingInstance?: string
  readonly series?: EventSeries
  readonly source?: EventSource
  readonly type?: string
}

/** EventList is a list of events. */
export interface EventList {
  readonly apiVersion?: string
  readonly items: readonly Event[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** EventSeries contain information on series of events, i.e. */
export interface EventSeries {
  readonly count?: number
  readonly lastObservedTime?: string
}

/** EventSource contains information for an event. */
export interface EventSource {
  readonly component?: string
  readonly host?: string
}

/** ExecAction describes a "run in container" action. */
export interface ExecAction {
  readonly command?: readonly string[]
}

/** Represents a Fibre Channel volume. */
export interface FCVolumeSource {
  readonly fsType?: string
  readonly lun?: number
  readonly readOnly?: boolean
  readonly targetWWNs?: readonly string[]
  readonly wwids?: readonly string[]
}

/** FileKeySelector selects a key of the env file. */
export interface FileKeySelector {
  readonly key: string
  readonly optional?: boolean
  readonly path: string
  readonly volumeName: string
}

/** FlexPersistentVolumeSource represents a generic persistent volume resource that is provisioned/attached using */
export interface FlexPersistentVolumeSource {
  readonly driver: string
  readonly fsType?: string
  readonly options?: Readonly<Record<string, string>>
  readonly readOnly?: boolean
  readonly secretRef?: SecretReference
}

/** FlexVolume represents a generic volume resource that is provisioned/attached using an exec based plugin. */
export interface FlexVolumeSource {
  readonly driver: string
  readonly fsType?: string
  readonly options?: Readonly<Record<string, string>>
  readonly readOnly?: boolean
  readonly secretRef?: LocalObjectReference
}

/** Represents a Flocker volume mounted by the Flocker agent. */
export interface FlockerVolumeSource {
  readonly datasetName?: string
  readonly datasetUUID?: string
}

/** Represents a Persistent Disk resource in Google Compute Engine. */
export interface GCEPersistentDiskVolumeSource {
  readonly fsType?: string
  readonly partition?: number
  readonly pdName: string
  readonly readOnly?: boolean
}

/** GRPCAction specifies an action involving a GRPC service. */
export interface GRPCAction {
  readonly port: number
  readonly service?: string
}

/** Represents a volume that is populated with the contents of a git repository. */
export interface GitRepoVolumeSource {
  readonly directory?: string
  readonly repository: string
  readonly revision?: string
}

/** Represents a Glusterfs mount that lasts the lifetime of a pod. */
export interface GlusterfsPersistentVolumeSource {
  readonly endpoints: string
  readonly endpointsNamespace?: string
  readonly path: string
  readonly readOnly?: boolean
}

/** Represents a Glusterfs mount that lasts the lifetime of a pod. */
export interface GlusterfsVolumeSource {
  readonly endpoints: string
  readonly path: string
  readonly readOnly?: boolean
}

/** HTTPGetAction describes an action based on HTTP Get requests. */
export interface HTTPGetAction {
  readonly host?: string
  readonly httpHeaders?: readonly HTTPHeader[]
  readonly path?: string
  readonly port: number | string
  readonly scheme?: string
}

/** HTTPHeader describes a custom header to be used in HTTP probes */
export interface HTTPHeader {
  readonly name: string
  readonly value: string
}

/** HostAlias holds the mapping between IP and hostnames that will be injected as an entry in the pod's hosts file */
export interface HostAlias {
  readonly hostnames?: readonly string[]
  readonly ip: string
}

/** HostIP represents a single IP address allocated to the host. */
export interface HostIP {
  readonly ip: string
}

/** Represents a host path mapped into a pod. */
export interface HostPathVolumeSource {
  readonly path: string
  readonly type?: string
}

/** ISCSIPersistentVolumeSource represents an ISCSI disk. */
export interface ISCSIPersistentVolumeSource {
  readonly chapAuthDiscovery?: boolean
  readonly chapAuthSession?: boolean
  readonly fsType?: string
  readonly initiatorName?: string
  readonly iqn: string
  readonly iscsiInterface?: string
  readonly lun: number
  readonly portals?: readonly string[]
  readonly readOnly?: boolean
  readonly secretRef?: SecretReference
  readonly targetPortal: string
}

/** Represents an ISCSI disk. */
export interface ISCSIVolumeSource {
  readonly chapAuthDiscovery?: boolean
  readonly chapAuthSession?: boolean
  readonly fsType?: string
  readonly initiatorName?: string
  readonly iqn: string
  readonly iscsiInterface?: string
  readonly lun: number
  readonly portals?: readonly string[]
  readonly readOnly?: boolean
  readonly secretRef?: LocalObjectReference
  readonly targetPortal: string
}

/** ImageVolumeSource represents a image volume resource. */
export interface ImageVolumeSource {
  readonly pullPolicy?: string
  readonly reference?: string
}

/** ImageVolumeStatus represents the image-based volume status. */
export interface ImageVolumeStatus {
  readonly imageRef: string
}

/** Maps a string key to a path within a volume. */
export interface KeyToPath {
  readonly key: string
  readonly mode?: number
  readonly path: string
}

/** Lifecycle describes actions that the management system should take in response to container lifecycle events. */
export interface Lifecycle {
  readonly postStart?: LifecycleHandler
  readonly preStop?: LifecycleHandler
  readonly stopSignal?: string
}

/** LifecycleHandler defines a specific action that should be taken in a lifecycle hook. */
export interface LifecycleHandler {
  readonly exec?: ExecAction
  readonly httpGet?: HTTPGetAction
  readonly sleep?: SleepAction
  readonly tcpSocket?: TCPSocketAction
}

/** LimitRange sets resource usage limits for each kind of resource in a Namespace. */
export interface LimitRange {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: LimitRangeSpec
}

/** LimitRangeItem defines a min/max usage limit for any resource that matches on kind. */
export interface LimitRangeItem {
  readonly default?: Readonly<Record<string, string>>
  readonly defaultRequest?: Readonly<Record<string, string>>
  readonly max?: Readonly<Record<string, string>>
  readonly maxLimitRequestRatio?: Readonly<Record<string, string>>
  readonly min?: Readonly<Record<string, string>>
  readonly type: string
}

/** LimitRangeList is a list of LimitRange items. */
export interface LimitRangeList {
  readonly apiVersion?: string
  readonly items: readonly LimitRange[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** LimitRangeSpec defines a min/max usage limit for resources that match on kind. */
export interface LimitRangeSpec {
  readonly limits: readonly LimitRangeItem[]
}

/** LinuxContainerUser represents user identity information in Linux containers */
export interface LinuxContainerUser {
  readonly gid: number
  readonly supplementalGroups?: readonly number[]
  readonly uid: number
}

/** LoadBalancerIngress represents the status of a load-balancer ingress point: traffic intended for the service s */
export interface LoadBalancerIngress {
  readonly hostname?: string
  readonly ip?: string
  readonly ipMode?: string
  readonly ports?: readonly PortStatus[]
}

/** LoadBalancerStatus represents the status of a load-balancer. */
export interface LoadBalancerStatus {
  readonly ingress?: readonly LoadBalancerIngress[]
}

/** LocalObjectReference contains enough information to let you locate the referenced object inside the same names */
export interface LocalObjectReference {
  readonly name?: string
}

/** Local represents directly-attached storage with node affinity */
export interface LocalVolumeSource {
  readonly fsType?: string
  readonly path: string
}

/** ModifyVolumeStatus represents the status object of ControllerModifyVolume operation */
export interface ModifyVolumeStatus {
  readonly status: string
  readonly targetVolumeAttributesClassName?: string
}

/** Represents an NFS mount that lasts the lifetime of a pod. */
export interface NFSVolumeSource {
  readonly path: string
  readonly readOnly?: boolean
  readonly server: string
}

/** Namespace provides a scope for Names. */
export interface Namespace {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec?: NamespaceSpec
  readonly status?: NamespaceStatus
}

/** NamespaceCondition contains details about state of namespace. */
export interface NamespaceCondition {
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** NamespaceList is a list of Namespaces. */
export interface NamespaceList {
  readonly apiVersion?: string
  readonly items: readonly Namespace[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** NamespaceSpec describes the attributes on a Namespace. */
export interface NamespaceSpec {
  readonly finalizers?: readonly string[]
}

/** NamespaceStatus is information about the current status of a Namespace. */
export interface NamespaceStatus {
  readonly conditions?: readonly NamespaceCondition[]
  readonly phase?: string
}

/** Node is a worker node in Kubernetes. */
export interface Node {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec?: NodeSpec
  readonly status?: NodeStatus
}

/** NodeAddress contains information for the node's address. */
export interface NodeAddress {
  readonly address: string
  readonly type: string
}

/** Node affinity is a group of node affinity scheduling rules. */
export interface NodeAffinity {
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly PreferredSchedulingTerm[]
  readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector
}

/** NodeAllocatableResourceClaimStatus describes the status of node allocatable resources allocated via DRA. */
export interface NodeAllocatableResourceClaimStatus {
  readonly containers?: readonly string[]
  readonly resourceClaimName: string
  readonly resources: Readonly<Record<string, string>>
}

/** NodeCondition contains condition information for a node. */
export interface NodeCondition {
  readonly lastHeartbeatTime?: string
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** NodeConfigSource specifies a source of node configuration. */
export interface NodeConfigSource {
  readonly configMap?: ConfigMapNodeConfigSource
}

/** NodeConfigStatus describes the status of the config assigned by Node.Spec.ConfigSource. */
export interface NodeConfigStatus {
  readonly active?: NodeConfigSource
  readonly assigned?: NodeConfigSource
  readonly error?: string
  readonly lastKnownGood?: NodeConfigSource
}

/** NodeDaemonEndpoints lists ports opened by daemons running on the Node. */
export interface NodeDaemonEndpoints {
  readonly kubeletEndpoint?: DaemonEndpoint
}

/** NodeFeatures describes the set of features implemented by the CRI implementation. */
export interface NodeFeatures {
  readonly supplementalGroupsPolicy?: boolean
}

/** NodeList is the whole list of all Nodes which have been registered with master. */
export interface NodeList {
  readonly apiVersion?: string
  readonly items: readonly Node[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** NodeRuntimeHandler is a set of runtime handler information. */
export interface NodeRuntimeHandler {
  readonly features?: NodeRuntimeHandlerFeatures
  readonly name?: string
}

/** NodeRuntimeHandlerFeatures is a set of features implemented by the runtime handler. */
export interface NodeRuntimeHandlerFeatures {
  readonly recursiveReadOnlyMounts?: boolean
  readonly userNamespaces?: boolean
}

/** A node selector represents the union of the results of one or more label queries over a set of nodes; that is, */
export interface NodeSelector {
  readonly nodeSelectorTerms: readonly NodeSelectorTerm[]
}

/** A node selector requirement is a selector that contains values, a key, and an operator that relates the key an */
export interface NodeSelectorRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** A null or empty node selector term matches no objects. */
export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly NodeSelectorRequirement[]
  readonly matchFields?: readonly NodeSelectorRequirement[]
}

/** NodeSpec describes the attributes that a node is created with. */
export interface NodeSpec {
  readonly configSource?: NodeConfigSource
  readonly externalID?: string
  readonly podCIDR?: string
  readonly podCIDRs?: readonly string[]
  readonly providerID?: string
  readonly taints?: readonly Taint[]
  readonly unschedulable?: boolean
}

/** NodeStatus is information about the current status of a node. */
export interface NodeStatus {
  readonly addresses?: readonly NodeAddress[]
  readonly allocatable?: Readonly<Record<string, string>>
  readonly capacity?: Readonly<Record<string, string>>
  readonly conditions?: readonly NodeCondition[]
  readonly config?: NodeConfigStatus
  readonly daemonEndpoints?: NodeDaemonEndpoints
  readonly declaredFeatures?: readonly string[]
  readonly features?: NodeFeatures
  readonly images?: readonly ContainerImage[]
  readonly nodeInfo?: NodeSystemInfo
  readonly phase?: string
  readonly runtimeHandlers?: readonly NodeRuntimeHandler[]
  readonly volumesAttached?: readonly AttachedVolume[]
  readonly volumesInUse?: readonly string[]
}

/** NodeSwapStatus represents swap memory information. */
export interface NodeSwapStatus {
  readonly capacity?: number
}

/** NodeSystemInfo is a set of ids/uuids to uniquely identify the node. */
export interface NodeSystemInfo {
  readonly architecture: string
  readonly bootID: string
  readonly containerRuntimeVersion: string
  readonly kernelVersion: string
  readonly kubeProxyVersion: string
  readonly kubeletVersion: string
  readonly machineID: string
  readonly operatingSystem: string
  readonly osImage: string
  readonly swap?: NodeSwapStatus
  readonly systemUUID: string
}

/** ObjectFieldSelector selects an APIVersioned field of an object. */
export interface ObjectFieldSelector {
  readonly apiVersion?: string
  readonly fieldPath: string
}

/** ObjectReference contains enough information to let you inspect or modify the referred object. */
export interface ObjectReference {
  readonly apiVersion?: string
  readonly fieldPath?: string
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
  readonly resourceVersion?: string
  readonly uid?: string
}

/** PersistentVolume (PV) is a storage resource provisioned by an administrator. */
export interface PersistentVolume {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: PersistentVolumeSpec
  readonly status?: PersistentVolumeStatus
}

/** PersistentVolumeClaim is a user's request for and claim to a persistent volume */
export interface PersistentVolumeClaim {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: PersistentVolumeClaimSpec
  readonly status?: PersistentVolumeClaimStatus
}

/** PersistentVolumeClaimCondition contains details about state of pvc */
export interface PersistentVolumeClaimCondition {
  readonly lastProbeTime?: string
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** PersistentVolumeClaimList is a list of PersistentVolumeClaim items. */
export interface PersistentVolumeClaimList {
  readonly apiVersion?: string
  readonly items: readonly PersistentVolumeClaim[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PersistentVolumeClaimSpec describes the common attributes of storage devices and allows a Source for provider- */
export interface PersistentVolumeClaimSpec {
  readonly accessModes?: readonly string[]
  readonly dataSource?: TypedLocalObjectReference
  readonly dataSourceRef?: TypedObjectReference
  readonly resources?: VolumeResourceRequirements
  readonly selector?: LabelSelector
  readonly storageClassName?: string
  readonly volumeAttributesClassName?: string
  readonly volumeMode?: string
  readonly volumeName?: string
}

/** PersistentVolumeClaimStatus is the current status of a persistent volume claim. */
export interface PersistentVolumeClaimStatus {
  readonly accessModes?: readonly string[]
  readonly allocatedResourceStatuses?: Readonly<Record<string, string>>
  readonly allocatedResources?: Readonly<Record<string, string>>
  readonly capacity?: Readonly<Record<string, string>>
  readonly conditions?: readonly PersistentVolumeClaimCondition[]
  readonly currentVolumeAttributesClassName?: string
  readonly modifyVolumeStatus?: ModifyVolumeStatus
  readonly phase?: string
}

/** PersistentVolumeClaimTemplate is used to produce PersistentVolumeClaim objects as part of an EphemeralVolumeSo */
export interface PersistentVolumeClaimTemplate {
  readonly metadata?: ObjectMeta
  readonly spec: PersistentVolumeClaimSpec
}

/** PersistentVolumeClaimVolumeSource references the user's PVC in the same namespace. */
export interface PersistentVolumeClaimVolumeSource {
  readonly claimName: string
  readonly readOnly?: boolean
}

/** PersistentVolumeList is a list of PersistentVolume items. */
export interface PersistentVolumeList {
  readonly apiVersion?: string
  readonly items: readonly PersistentVolume[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PersistentVolumeSpec is the specification of a persistent volume. */
export interface PersistentVolumeSpec {
  readonly accessModes?: readonly string[]
  readonly awsElasticBlockStore?: AWSElasticBlockStoreVolumeSource
  readonly azureDisk?: AzureDiskVolumeSource
  readonly azureFile?: AzureFilePersistentVolumeSource
  readonly capacity?: Readonly<Record<string, string>>
  readonly cephfs?: CephFSPersistentVolumeSource
  readonly cinder?: CinderPersistentVolumeSource
  readonly claimRef?: ObjectReference
  readonly csi?: CSIPersistentVolumeSource
  readonly fc?: FCVolumeSource
  readonly flexVolume?: FlexPersistentVolumeSource
  readonly flocker?: FlockerVolumeSource
  readonly gcePersistentDisk?: GCEPersistentDiskVolumeSource
  readonly glusterfs?: GlusterfsPersistentVolumeSource
  readonly hostPath?: HostPathVolumeSource
  readonly iscsi?: ISCSIPersistentVolumeSource
  readonly local?: LocalVolumeSource
  readonly mountOptions?: readonly string[]
  readonly nfs?: NFSVolumeSource
  readonly nodeAffinity?: VolumeNodeAffinity
  readonly persistentVolumeReclaimPolicy?: string
  readonly photonPersistentDisk?: PhotonPersistentDiskVolumeSource
  readonly portworxVolume?: PortworxVolumeSource
  readonly quobyte?: QuobyteVolumeSource
  readonly rbd?: RBDPersistentVolumeSource
  readonly scaleIO?: ScaleIOPersistentVolumeSource
  readonly storageClassName?: string
  readonly storageos?: StorageOSPersistentVolumeSource
  readonly volumeAttributesClassName?: string
  readonly volumeMode?: string
  readonly vsphereVolume?: VsphereVirtualDiskVolumeSource
}

/** PersistentVolumeStatus is the current status of a persistent volume. */
export interface PersistentVolumeStatus {
  readonly lastPhaseTransitionTime?: string
  readonly message?: string
  readonly phase?: string
  readonly reason?: string
}

/** Represents a Photon Controller persistent disk resource. */
export interface PhotonPersistentDiskVolumeSource {
  readonly fsType?: string
  readonly pdID: string
}

/** Pod is a collection of containers that can run on a host. */
export interface Pod {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  readonly status?: PodStatus
}

/** Pod affinity is a group of inter pod affinity scheduling rules. */
export interface PodAffinity {
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedPodAffinityTerm[]
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[]
}

/** Defines a set of pods (namely those matching the labelSelector relative to the given namespace(s)) that this p */
export interface PodAffinityTerm {
  readonly labelSelector?: LabelSelector
  readonly matchLabelKeys?: readonly string[]
  readonly mismatchLabelKeys?: readonly string[]
  readonly namespaceSelector?: LabelSelector
  readonly namespaces?: readonly string[]
  readonly topologyKey: string
}

/** Pod anti affinity is a group of inter pod anti affinity scheduling rules. */
export interface PodAntiAffinity {
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedPodAffinityTerm[]
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[]
}

/** PodCertificateProjection provides a private key and X.509 certificate in the pod filesystem. */
export interface PodCertificateProjection {
  readonly certificateChainPath?: string
  readonly credentialBundlePath?: string
  readonly keyPath?: string
  readonly keyType: string
  readonly maxExpirationSeconds?: number
  readonly signerName: string
  readonly userAnnotations?: Readonly<Record<string, string>>
}

/** PodCondition contains details for the current condition of this pod. */
export interface PodCondition {
  readonly lastProbeTime?: string
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly observedGeneration?: number
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** PodDNSConfig defines the DNS parameters of a pod in addition to those generated from DNSPolicy. */
export interface PodDNSConfig {
  readonly nameservers?: readonly string[]
  readonly options?: readonly PodDNSConfigOption[]
  readonly searches?: readonly string[]
}

/** PodDNSConfigOption defines DNS resolver options of a pod. */
export interface PodDNSConfigOption {
  readonly name?: string
  readonly value?: string
}

/** PodExtendedResourceClaimStatus is stored in the PodStatus for the extended resource requests backed by DRA. */
export interface PodExtendedResourceClaimStatus {
  readonly requestMappings: readonly ContainerExtendedResourceRequest[]
  readonly resourceClaimName: string
}

/** PodIP represents a single IP address allocated to the pod. */
export interface PodIP {
  readonly ip: string
}

/** PodList is a list of Pods. */
export interface PodList {
  readonly apiVersion?: string
  readonly items: readonly Pod[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PodOS defines the OS parameters of a pod. */
export interface PodOS {
  readonly name: string
}

/** PodReadinessGate contains the reference to a pod condition */
export interface PodReadinessGate {
  readonly conditionType: string
}

/** PodResourceClaim references exactly one ResourceClaim, either directly or by naming a ResourceClaimTemplate wh */
export interface PodResourceClaim {
  readonly name: string
  readonly resourceClaimName?: string
  readonly resourceClaimTemplateName?: string
}

/** PodResourceClaimStatus is stored in the PodStatus for each PodResourceClaim which references a ResourceClaimTe */
export interface PodResourceClaimStatus {
  readonly name: string
  readonly resourceClaimName?: string
}

/** PodSchedulingGate is associated to a Pod to guard its scheduling. */
export interface PodSchedulingGate {
  readonly name: string
}

/** PodSchedulingGroup identifies the runtime scheduling group instance that a Pod belongs to. */
export interface PodSchedulingGroup {
  readonly podGroupName?: string
}

/** PodSecurityContext holds pod-level security attributes and common container settings. */
export interface PodSecurityContext {
  readonly appArmorProfile?: AppArmorProfile
  readonly fsGroup?: number
  readonly fsGroupChangePolicy?: string
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly seLinuxChangePolicy?: string
  readonly seLinuxOptions?: SELinuxOptions
  readonly seccompProfile?: SeccompProfile
  readonly supplementalGroups?: readonly number[]
  readonly supplementalGroupsPolicy?: string
  readonly sysctls?: readonly Sysctl[]
  readonly windowsOptions?: WindowsSecurityContextOptions
}

/** PodSpec is a description of a pod. */
export interface PodSpec {
  readonly activeDeadlineSeconds?: number
  readonly affinity?: Affinity
  readonly automountServiceAccountToken?: boolean
  readonly containers: readonly Container[]
  readonly dnsConfig?: PodDNSConfig
  readonly dnsPolicy?: string
  readonly enableServiceLinks?: boolean
  readonly ephemeralContainers?: readonly EphemeralContainer[]
  readonly hostAliases?: readonly HostAlias[]
  readonly hostIPC?: boolean
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostUsers?: boolean
  readonly hostname?: string
  readonly hostnameOverride?: string
  readonly imagePullSecrets?: readonly LocalObjectReference[]
  readonly initContainers?: readonly Container[]
  readonly nodeName?: string
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly os?: PodOS
  readonly overhead?: Readonly<Record<string, string>>
  readonly preemptionPolicy?: string
  readonly priority?: number
  readonly priorityClassName?: string
  readonly readinessGates?: readonly PodReadinessGate[]
  readonly resourceClaims?: readonly PodResourceClaim[]
  readonly resources?: ResourceRequirements
  readonly restartPolicy?: string
  readonly runtimeClassName?: string
  readonly schedulerName?: string
  readonly schedulingGates?: readonly PodSchedulingGate[]
  readonly schedulingGroup?: PodSchedulingGroup
  readonly securityContext?: PodSecurityContext
  readonly serviceAccount?: string
  readonly serviceAccountName?: string
  readonly setHostnameAsFQDN?: boolean
  readonly shareProcessNamespace?: boolean
  readonly subdomain?: string
  readonly terminationGracePeriodSeconds?: number
  readonly tolerations?: readonly Toleration[]
  readonly topologySpreadConstraints?: readonly TopologySpreadConstraint[]
  readonly volumes?: readonly Volume[]
}

/** PodStatus represents information about the status of a pod. */
export interface PodStatus {
  readonly allocatedResources?: Readonly<Record<string, string>>
  readonly conditions?: readonly PodCondition[]
  readonly containerStatuses?: readonly ContainerStatus[]
  readonly ephemeralContainerStatuses?: readonly ContainerStatus[]
  readonly extendedResourceClaimStatus?: PodExtendedResourceClaimStatus
  readonly hostIP?: string
  readonly hostIPs?: readonly HostIP[]
  readonly initContainerStatuses?: readonly ContainerStatus[]
  readonly message?: string
  readonly nodeAllocatableResourceClaimStatuses?: readonly NodeAllocatableResourceClaimStatus[]
  readonly nominatedNodeName?: string
  readonly observedGeneration?: number
  readonly phase?: string
  readonly podIP?: string
  readonly podIPs?: readonly PodIP[]
  readonly qosClass?: string
  readonly reason?: string
  readonly resize?: string
  readonly resourceClaimStatuses?: readonly PodResourceClaimStatus[]
  readonly resources?: ResourceRequirements
  readonly startTime?: string
}

/** PodTemplate describes a template for creating copies of a predefined pod. */
export interface PodTemplate {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly template?: PodTemplateSpec
}

/** PodTemplateList is a list of PodTemplates. */
export interface PodTemplateList {
  readonly apiVersion?: string
  readonly items: readonly PodTemplate[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** PodTemplateSpec describes the data a pod should have when created from a template */
export interface PodTemplateSpec {
  readonly metadata?: ObjectMeta
  readonly spec?: PodSpec
}

/** PortStatus represents the error condition of a service port */
export interface PortStatus {
  readonly error?: string
  readonly port: number
  readonly protocol: string
}

/** PortworxVolumeSource represents a Portworx volume resource. */
export interface PortworxVolumeSource {
  readonly fsType?: string
  readonly readOnly?: boolean
  readonly volumeID: string
}

/** An empty preferred scheduling term matches all objects with implicit weight 0 (i.e. */
export interface PreferredSchedulingTerm {
  readonly preference: NodeSelectorTerm
  readonly weight: number
}

/** Probe describes a health check to be performed against a container to determine whether it is alive or ready t */
export interface Probe {
  readonly exec?: ExecAction
  readonly failureThreshold?: number
  readonly grpc?: GRPCAction
  readonly httpGet?: HTTPGetAction
  readonly initialDelaySeconds?: number
  readonly periodSeconds?: number
  readonly successThreshold?: number
  readonly tcpSocket?: TCPSocketAction
  readonly terminationGracePeriodSeconds?: number
  readonly timeoutSeconds?: number
}

/** Represents a projected volume source */
export interface ProjectedVolumeSource {
  readonly defaultMode?: number
  readonly sources?: readonly VolumeProjection[]
}

/** Represents a Quobyte mount that lasts the lifetime of a pod. */
export interface QuobyteVolumeSource {
  readonly group?: string
  readonly readOnly?: boolean
  readonly registry: string
  readonly tenant?: string
  readonly user?: string
  readonly volume: string
}

/** Represents a Rados Block Device mount that lasts the lifetime of a pod. */
export interface RBDPersistentVolumeSource {
  readonly fsType?: string
  readonly image: string
  readonly keyring?: string
  readonly monitors: readonly string[]
  readonly pool?: string
  readonly readOnly?: boolean
  readonly secretRef?: SecretReference
  readonly user?: string
}

/** Represents a Rados Block Device mount that lasts the lifetime of a pod. */
export interface RBDVolumeSource {
  readonly fsType?: string
  readonly image: string
  readonly keyring?: string
  readonly monitors: readonly string[]
  readonly pool?: string
  readonly readOnly?: boolean
  readonly secretRef?: LocalObjectReference
  readonly user?: string
}

/** ReplicationController represents the configuration of a replication controller. */
export interface ReplicationController {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: ReplicationControllerSpec
  readonly status?: ReplicationControllerStatus
}

/** ReplicationControllerCondition describes the state of a replication controller at a certain point. */
export interface ReplicationControllerCondition {
  readonly lastTransitionTime?: string
  readonly message?: string
  readonly reason?: string
  readonly status: string
  readonly type: string
}

/** ReplicationControllerList is a collection of replication controllers. */
export interface ReplicationControllerList {
  readonly apiVersion?: string
  readonly items: readonly ReplicationController[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ReplicationControllerSpec is the specification of a replication controller. */
export interface ReplicationControllerSpec {
  readonly minReadySeconds?: number
  readonly replicas?: number
  readonly selector?: Readonly<Record<string, string>>
  readonly template?: PodTemplateSpec
}

/** ReplicationControllerStatus represents the current status of a replication controller. */
export interface ReplicationControllerStatus {
  readonly availableReplicas?: number
  readonly conditions?: readonly ReplicationControllerCondition[]
  readonly fullyLabeledReplicas?: number
  readonly observedGeneration?: number
  readonly readyReplicas?: number
  readonly replicas: number
}

/** ResourceClaim references one entry in PodSpec.ResourceClaims. */
export interface ResourceClaim {
  readonly name: string
  readonly request?: string
}

/** ResourceFieldSelector represents container resources (cpu, memory) and their output format */
export interface ResourceFieldSelector {
  readonly containerName?: string
  readonly divisor?: string
  readonly resource: string
}

/** ResourceHealth represents the health of a resource. */
export interface ResourceHealth {
  readonly health?: string
  readonly message?: string
  readonly resourceID: string
}

/** ResourceQuota sets aggregate quota restrictions enforced per namespace */
export interface ResourceQuota {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: ResourceQuotaSpec
  readonly status?: ResourceQuotaStatus
}

/** ResourceQuotaList is a list of ResourceQuota items. */
export interface ResourceQuotaList {
  readonly apiVersion?: string
  readonly items: readonly ResourceQuota[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ResourceQuotaSpec defines the desired hard limits to enforce for Quota. */
export interface ResourceQuotaSpec {
  readonly hard?: Readonly<Record<string, string>>
  readonly scopeSelector?: ScopeSelector
  readonly scopes?: readonly string[]
}

/** ResourceQuotaStatus defines the enforced hard limits and observed use. */
export interface ResourceQuotaStatus {
  readonly hard?: Readonly<Record<string, string>>
  readonly used?: Readonly<Record<string, string>>
}

/** ResourceRequirements describes the compute resource requirements. */
export interface ResourceRequirements {
  readonly claims?: readonly ResourceClaim[]
  readonly limits?: Readonly<Record<string, string>>
  readonly requests?: Readonly<Record<string, string>>
}

/** ResourceStatus represents the status of a single resource allocated to a Pod. */
export interface ResourceStatus {
  readonly name: string
  readonly resources?: readonly ResourceHealth[]
}

/** SELinuxOptions are the labels to be applied to the container */
export interface SELinuxOptions {
  readonly level?: string
  readonly role?: string
  readonly type?: string
  readonly user?: string
}

/** ScaleIOPersistentVolumeSource represents a persistent ScaleIO volume */
export interface ScaleIOPersistentVolumeSource {
  readonly fsType?: string
  readonly gateway: string
  readonly protectionDomain?: string
  readonly readOnly?: boolean
  readonly secretRef: SecretReference
  readonly sslEnabled?: boolean
  readonly storageMode?: string
  readonly storagePool?: string
  readonly system: string
  readonly volumeName?: string
}

/** ScaleIOVolumeSource represents a persistent ScaleIO volume */
export interface ScaleIOVolumeSource {
  readonly fsType?: string
  readonly gateway: string
  readonly protectionDomain?: string
  readonly readOnly?: boolean
  readonly secretRef: LocalObjectReference
  readonly sslEnabled?: boolean
  readonly storageMode?: string
  readonly storagePool?: string
  readonly system: string
  readonly volumeName?: string
}

/** A scope selector represents the AND of the selectors represented by the scoped-resource selector requirements. */
export interface ScopeSelector {
  readonly matchExpressions?: readonly ScopedResourceSelectorRequirement[]
}

/** A scoped-resource selector requirement is a selector that contains values, a scope name, and an operator that */
export interface ScopedResourceSelectorRequirement {
  readonly operator: string
  readonly scopeName: string
  readonly values?: readonly string[]
}

/** SeccompProfile defines a pod/container's seccomp profile settings. */
export interface SeccompProfile {
  readonly localhostProfile?: string
  readonly type: string
}

/** Secret holds secret data of a certain type. */
export interface Secret {
  readonly apiVersion?: string
  readonly data?: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly stringData?: Readonly<Record<string, string>>
  readonly type?: string
}

/** SecretEnvSource selects a Secret to populate the environment variables with. */
export interface SecretEnvSource {
  readonly name?: string
  readonly optional?: boolean
}

/** SecretKeySelector selects a key of a Secret. */
export interface SecretKeySelector {
  readonly key: string
  readonly name?: string
  readonly optional?: boolean
}

/** SecretList is a list of Secret. */
export interface SecretList {
  readonly apiVersion?: string
  readonly items: readonly Secret[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** Adapts a secret into a projected volume. */
export interface SecretProjection {
  readonly items?: readonly KeyToPath[]
  readonly name?: string
  readonly optional?: boolean
}

/** SecretReference represents a Secret Reference. */
export interface SecretReference {
  readonly name?: string
  readonly namespace?: string
}

/** Adapts a Secret into a volume. */
export interface SecretVolumeSource {
  readonly defaultMode?: number
  readonly items?: readonly KeyToPath[]
  readonly optional?: boolean
  readonly secretName?: string
}

/** SecurityContext holds security configuration that will be applied to a container. */
export interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean
  readonly appArmorProfile?: AppArmorProfile
  readonly capabilities?: Capabilities
  readonly privileged?: boolean
  readonly procMount?: string
  readonly readOnlyRootFilesystem?: boolean
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly seLinuxOptions?: SELinuxOptions
  readonly seccompProfile?: SeccompProfile
  readonly windowsOptions?: WindowsSecurityContextOptions
}

/** Service is a named abstraction of software service (for example, mysql) consisting of local port (for example */
export interface Service {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: ServiceSpec
  readonly status?: ServiceStatus
}

/** ServiceAccount binds together: * a name, understood by users, and perhaps by peripheral systems, for an identi */
export interface ServiceAccount {
  readonly apiVersion?: string
  readonly automountServiceAccountToken?: boolean
  readonly imagePullSecrets?: readonly LocalObjectReference[]
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly secrets?: readonly ObjectReference[]
}

/** ServiceAccountList is a list of ServiceAccount objects */
export interface ServiceAccountList {
  readonly apiVersion?: string
  readonly items: readonly ServiceAccount[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ServiceAccountTokenProjection represents a projected service account token volume. */
export interface ServiceAccountTokenProjection {
  readonly audience?: string
  readonly expirationSeconds?: number
  readonly path: string
}

/** ServiceList holds a list of services. */
export interface ServiceList {
  readonly apiVersion?: string
  readonly items: readonly Service[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ServicePort contains information on service's port. */
export interface ServicePort {
  readonly appProtocol?: string
  readonly name?: string
  readonly nodePort?: number
  readonly port: number
  readonly protocol?: string
  readonly targetPort?: number | string
}

/** ServiceSpec describes the attributes that a user creates on a service. */
export interface ServiceSpec {
  readonly allocateLoadBalancerNodePorts?: boolean
  readonly clusterIP?: string
  readonly clusterIPs?: readonly string[]
  readonly externalIPs?: readonly string[]
  readonly externalName?: string
  readonly externalTrafficPolicy?: string
  readonly healthCheckNodePort?: number
  readonly internalTrafficPolicy?: string
  readonly ipFamilies?: readonly string[]
  readonly ipFamilyPolicy?: string
  readonly loadBalancerClass?: string
  readonly loadBalancerIP?: string
  readonly loadBalancerSourceRanges?: readonly string[]
  readonly ports?: readonly ServicePort[]
  readonly publishNotReadyAddresses?: boolean
  readonly selector?: Readonly<Record<string, string>>
  readonly sessionAffinity?: string
  readonly sessionAffinityConfig?: SessionAffinityConfig
  readonly trafficDistribution?: string
  readonly type?: string
}

/** ServiceStatus represents the current status of a service. */
export interface ServiceStatus {
  readonly conditions?: readonly Condition[]
  readonly loadBalancer?: LoadBalancerStatus
}

/** SessionAffinityConfig represents the configurations of session affinity. */
export interface SessionAffinityConfig {
  readonly clientIP?: ClientIPConfig
}

/** SleepAction describes a "sleep" action. */
export interface SleepAction {
  readonly seconds: number
}

/** Represents a StorageOS persistent volume resource. */
export interface StorageOSPersistentVolumeSource {
  readonly fsType?: string
  readonly readOnly?: boolean
  readonly secretRef?: ObjectReference
  readonly volumeName?: string
  readonly volumeNamespace?: string
}

/** Represents a StorageOS persistent volume resource. */
export interface StorageOSVolumeSource {
  readonly fsType?: string
  readonly readOnly?: boolean
  readonly secretRef?: LocalObjectReference
  readonly volumeName?: string
  readonly volumeNamespace?: string
}

/** Sysctl defines a kernel parameter to be set */
export interface Sysctl {
  readonly name: string
  readonly value: string
}

/** TCPSocketAction describes an action based on opening a socket */
export interface TCPSocketAction {
  readonly host?: string
  readonly port: number | string
}

/** The node this Taint is attached to has the "effect" on any pod that does not tolerate the Taint. */
export interface Taint {
  readonly effect: string
  readonly key: string
  readonly timeAdded?: string
  readonly value?: string
}

/** The pod this Toleration is attached to tolerates any taint that matches the triple <key,value,effect> using th */
export interface Toleration {
  readonly effect?: string
  readonly key?: string
  readonly operator?: string
  readonly tolerationSeconds?: number
  readonly value?: string
}

/** A topology selector requirement is a selector that matches given label. */
export interface TopologySelectorLabelRequirement {
  readonly key: string
  readonly values: readonly string[]
}

/** A topology selector term represents the result of label queries. */
export interface TopologySelectorTerm {
  readonly matchLabelExpressions?: readonly TopologySelectorLabelRequirement[]
}

/** TopologySpreadConstraint specifies how to spread matching pods among the given topology. */
export interface TopologySpreadConstraint {
  readonly labelSelector?: LabelSelector
  readonly matchLabelKeys?: readonly string[]
  readonly maxSkew: number
  readonly minDomains?: number
  readonly nodeAffinityPolicy?: string
  readonly nodeTaintsPolicy?: string
  readonly topologyKey: string
  readonly whenUnsatisfiable: string
}

/** TypedLocalObjectReference contains enough information to let you locate the typed referenced object inside the */
export interface TypedLocalObjectReference {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
}

/** TypedObjectReference contains enough information to let you locate the typed referenced object */
export interface TypedObjectReference {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

/** Volume represents a named volume in a pod that may be accessed by any container in the pod. */
export interface Volume {
  readonly awsElasticBlockStore?: AWSElasticBlockStoreVolumeSource
  readonly azureDisk?: AzureDiskVolumeSource
  readonly azureFile?: AzureFileVolumeSource
  readonly cephfs?: CephFSVolumeSource
  readonly cinder?: CinderVolumeSource
  readonly configMap?: ConfigMapVolumeSource
  readonly csi?: CSIVolumeSource
  readonly downwardAPI?: DownwardAPIVolumeSource
  readonly emptyDir?: EmptyDirVolumeSource
  readonly ephemeral?: EphemeralVolumeSource
  readonly fc?: FCVolumeSource
  readonly flexVolume?: FlexVolumeSource
  readonly flocker?: FlockerVolumeSource
  readonly gcePersistentDisk?: GCEPersistentDiskVolumeSource
  readonly gitRepo?: GitRepoVolumeSource
  readonly glusterfs?: GlusterfsVolumeSource
  readonly hostPath?: HostPathVolumeSource
  readonly image?: ImageVolumeSource
  readonly iscsi?: ISCSIVolumeSource
  readonly name: string
  readonly nfs?: NFSVolumeSource
  readonly persistentVolumeClaim?: PersistentVolumeClaimVolumeSource
  readonly photonPersistentDisk?: PhotonPersistentDiskVolumeSource
  readonly portworxVolume?: PortworxVolumeSource
  readonly projected?: ProjectedVolumeSource
  readonly quobyte?: QuobyteVolumeSource
  readonly rbd?: RBDVolumeSource
  readonly scaleIO?: ScaleIOVolumeSource
  readonly secret?: SecretVolumeSource
  readonly storageos?: StorageOSVolumeSource
  readonly vsphereVolume?: VsphereVirtualDiskVolumeSource
}

/** volumeDevice describes a mapping of a raw block device within a container. */
export interface VolumeDevice {
  readonly devicePath: string
  readonly name: string
}

/** VolumeMount describes a mounting of a Volume within a container. */
export interface VolumeMount {
  readonly mountPath: string
  readonly mountPropagation?: string
  readonly name: string
  readonly readOnly?: boolean
  readonly recursiveReadOnly?: string
  readonly subPath?: string
  readonly subPathExpr?: string
}

/** VolumeMountStatus shows status of volume mounts. */
export interface VolumeMountStatus {
  readonly mountPath: string
  readonly name: string
  readonly readOnly?: boolean
  readonly recursiveReadOnly?: string
  readonly volumeStatus?: VolumeStatus
}

/** VolumeNodeAffinity defines constraints that limit what nodes this volume can be accessed from. */
export interface VolumeNodeAffinity {
  readonly required?: NodeSelector
}

/** Projection that may be projected along with other supported volume types. */
export interface VolumeProjection {
  readonly clusterTrustBundle?: ClusterTrustBundleProjection
  readonly configMap?: ConfigMapProjection
  readonly downwardAPI?: DownwardAPIProjection
  readonly podCertificate?: PodCertificateProjection
  readonly secret?: SecretProjection
  readonly serviceAccountToken?: ServiceAccountTokenProjection
}

/** VolumeResourceRequirements describes the storage resource requirements for a volume. */
export interface VolumeResourceRequirements {
  readonly limits?: Readonly<Record<string, string>>
  readonly requests?: Readonly<Record<string, string>>
}

/** VolumeStatus represents the status of a mounted volume. */
export interface VolumeStatus {
  readonly image?: ImageVolumeStatus
}

/** Represents a vSphere volume resource. */
export interface VsphereVirtualDiskVolumeSource {
  readonly fsType?: string
  readonly storagePolicyID?: string
  readonly storagePolicyName?: string
  readonly volumePath: string
}

/** The weights of all of the matched WeightedPodAffinityTerm fields are added per-node to find the most preferred */
export interface WeightedPodAffinityTerm {
  readonly podAffinityTerm: PodAffinityTerm
  readonly weight: number
}

/** WindowsSecurityContextOptions contain Windows-specific options and credentials. */
export interface WindowsSecurityContextOptions {
  readonly gmsaCredentialSpec?: string
  readonly gmsaCredentialSpecName?: string
  readonly hostProcess?: boolean
  readonly runAsUserName?: string
}
