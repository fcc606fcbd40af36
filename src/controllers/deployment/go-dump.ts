/**
 * A pod template as Go's spew prints it (`%#v`, maps sorted): the text whose hash names a ReplicaSet, so that a template has the
 * name here that it has on a real Kubernetes 1.36. Every field of a Go struct is printed in its order, set or not:
 *
 *   {"name":"c","stdin":true}  ->  {Name:(string)c Image:(string) Command:([]string)<nil> ... Stdin:(bool)true ...}
 *
 * A field is `GoName=jsonName:GoType`; the JSON name is left out where it is the Go name with a small first letter. `!` after the
 * type: its members stand among those of the struct around it. A type that is not in the table is a text.
 */
import { canonicalQuantity, parseQuantity } from '../../api/quantity.ts'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'

const STRUCTS: Readonly<Record<string, string>> = {
  'v1.PodTemplateSpec': 'ObjectMeta=metadata:v1.ObjectMeta Spec:v1.PodSpec',
  'v1.ObjectMeta': `Name:string GenerateName:string Namespace:string SelfLink:string UID=uid:types.UID ResourceVersion:string
    Generation:int64 CreationTimestamp:v1.Time DeletionTimestamp:*v1.Time DeletionGracePeriodSeconds:*int64
    Labels:map[string]string Annotations:map[string]string OwnerReferences:[]v1.OwnerReference Finalizers:[]string
    ManagedFields:[]v1.ManagedFieldsEntry`,
  'v1.PodSpec': `Volumes:[]v1.Volume InitContainers:[]v1.Container Containers:[]v1.Container
    EphemeralContainers:[]v1.EphemeralContainer RestartPolicy:v1.RestartPolicy TerminationGracePeriodSeconds:*int64
    ActiveDeadlineSeconds:*int64 DNSPolicy=dnsPolicy:v1.DNSPolicy NodeSelector:map[string]string ServiceAccountName:string
    DeprecatedServiceAccount=serviceAccount:string AutomountServiceAccountToken:*bool NodeName:string HostNetwork:bool
    HostPID:bool HostIPC:bool ShareProcessNamespace:*bool SecurityContext:*v1.PodSecurityContext
    ImagePullSecrets:[]v1.LocalObjectReference Hostname:string Subdomain:string Affinity:*v1.Affinity SchedulerName:string
    Tolerations:[]v1.Toleration HostAliases:[]v1.HostAlias PriorityClassName:string Priority:*int32
    DNSConfig=dnsConfig:*v1.PodDNSConfig ReadinessGates:[]v1.PodReadinessGate RuntimeClassName:*string EnableServiceLinks:*bool
    PreemptionPolicy:*v1.PreemptionPolicy Overhead:v1.ResourceList
    TopologySpreadConstraints:[]v1.TopologySpreadConstraint SetHostnameAsFQDN:*bool OS=os:*v1.PodOS HostUsers:*bool
    SchedulingGates:[]v1.PodSchedulingGate ResourceClaims:[]v1.PodResourceClaim Resources:*v1.ResourceRequirements
    HostnameOverride:*string SchedulingGroup:*v1.PodSchedulingGroup`,
  'v1.PodSecurityContext': `SELinuxOptions=seLinuxOptions:*v1.SELinuxOptions WindowsOptions:*v1.WindowsSecurityContextOptions
    RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool SupplementalGroups:[]int64
    SupplementalGroupsPolicy:*v1.SupplementalGroupsPolicy FSGroup=fsGroup:*int64 Sysctls:[]v1.Sysctl
    FSGroupChangePolicy=fsGroupChangePolicy:*v1.PodFSGroupChangePolicy SeccompProfile:*v1.SeccompProfile
    AppArmorProfile:*v1.AppArmorProfile SELinuxChangePolicy=seLinuxChangePolicy:*v1.PodSELinuxChangePolicy`,
  'v1.Container': `Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]v1.ContainerPort
    EnvFrom:[]v1.EnvFromSource Env:[]v1.EnvVar Resources:v1.ResourceRequirements ResizePolicy:[]v1.ContainerResizePolicy
    RestartPolicy:*v1.ContainerRestartPolicy RestartPolicyRules:[]v1.ContainerRestartRule VolumeMounts:[]v1.VolumeMount
    VolumeDevices:[]v1.VolumeDevice LivenessProbe:*v1.Probe ReadinessProbe:*v1.Probe StartupProbe:*v1.Probe
    Lifecycle:*v1.Lifecycle TerminationMessagePath:string TerminationMessagePolicy:v1.TerminationMessagePolicy
    ImagePullPolicy:v1.PullPolicy SecurityContext:*v1.SecurityContext Stdin:bool StdinOnce:bool TTY=tty:bool`,
  'v1.ContainerPort': 'Name:string HostPort:int32 ContainerPort:int32 Protocol:v1.Protocol HostIP:string',
  'v1.EnvFromSource': 'Prefix:string ConfigMapRef:*v1.ConfigMapEnvSource SecretRef:*v1.SecretEnvSource',
  'v1.ConfigMapEnvSource': 'LocalObjectReference:v1.LocalObjectReference! Optional:*bool',
  'v1.SecretEnvSource': 'LocalObjectReference:v1.LocalObjectReference! Optional:*bool',
  'v1.EnvVar': 'Name:string Value:string ValueFrom:*v1.EnvVarSource',
  'v1.EnvVarSource': `FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector
    ConfigMapKeyRef:*v1.ConfigMapKeySelector SecretKeyRef:*v1.SecretKeySelector FileKeyRef:*v1.FileKeySelector`,
  'v1.ObjectFieldSelector': 'APIVersion=apiVersion:string FieldPath:string',
  'v1.ResourceFieldSelector': 'ContainerName:string Resource:string Divisor:resource.Quantity',
  'v1.ConfigMapKeySelector': 'LocalObjectReference:v1.LocalObjectReference! Key:string Optional:*bool',
  'v1.SecretKeySelector': 'LocalObjectReference:v1.LocalObjectReference! Key:string Optional:*bool',
  'v1.ResourceRequirements': 'Limits:v1.ResourceList Requests:v1.ResourceList Claims:[]v1.ResourceClaim',
  'v1.ResourceClaim': 'Name:string Request:string',
  'v1.ContainerResizePolicy': 'ResourceName:v1.ResourceName RestartPolicy:v1.ResourceResizeRestartPolicy',
  'v1.VolumeMount': `Name:string ReadOnly:bool RecursiveReadOnly:*v1.RecursiveReadOnlyMode MountPath:string SubPath:string
    MountPropagation:*v1.MountPropagationMode SubPathExpr:string`,
  'v1.VolumeDevice': 'Name:string DevicePath:string',
  'v1.Probe': `ProbeHandler:v1.ProbeHandler! InitialDelaySeconds:int32 TimeoutSeconds:int32 PeriodSeconds:int32
    SuccessThreshold:int32 FailureThreshold:int32 TerminationGracePeriodSeconds:*int64`,
  'v1.ProbeHandler': `Exec:*v1.ExecAction HTTPGet=httpGet:*v1.HTTPGetAction TCPSocket=tcpSocket:*v1.TCPSocketAction
    GRPC=grpc:*v1.GRPCAction`,
  'v1.ExecAction': 'Command:[]string',
  'v1.HTTPGetAction': `Path:string Port:intstr.IntOrString Host:string Scheme:v1.URIScheme
    HTTPHeaders=httpHeaders:[]v1.HTTPHeader`,
  'v1.HTTPHeader': 'Name:string Value:string',
  'v1.TCPSocketAction': 'Port:intstr.IntOrString Host:string',
  'v1.GRPCAction': 'Port:int32 Service:*string',
  'v1.Lifecycle': 'PostStart:*v1.LifecycleHandler PreStop:*v1.LifecycleHandler StopSignal:*v1.Signal',
  'v1.LifecycleHandler': `Exec:*v1.ExecAction HTTPGet=httpGet:*v1.HTTPGetAction TCPSocket=tcpSocket:*v1.TCPSocketAction
    Sleep:*v1.SleepAction`,
  'v1.SleepAction': 'Seconds:int64',
  'v1.SecurityContext': `Capabilities:*v1.Capabilities Privileged:*bool SELinuxOptions=seLinuxOptions:*v1.SELinuxOptions
    WindowsOptions:*v1.WindowsSecurityContextOptions RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool
    ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*v1.ProcMountType SeccompProfile:*v1.SeccompProfile
    AppArmorProfile:*v1.AppArmorProfile`,
  'v1.Capabilities': 'Add:[]v1.Capability Drop:[]v1.Capability',
  'v1.SeccompProfile': 'Type:v1.SeccompProfileType LocalhostProfile:*string',
  'v1.AppArmorProfile': 'Type:v1.AppArmorProfileType LocalhostProfile:*string',
  'v1.SELinuxOptions': 'User:string Role:string Type:string Level:string',
  'v1.Sysctl': 'Name:string Value:string',
  'v1.LocalObjectReference': 'Name:string',
  'v1.Toleration': `Key:string Operator:v1.TolerationOperator Value:string Effect:v1.TaintEffect TolerationSeconds:*int64`,
  'v1.HostAlias': 'IP=ip:string Hostnames:[]string',
  'v1.PodDNSConfig': 'Nameservers:[]string Searches:[]string Options:[]v1.PodDNSConfigOption',
  'v1.PodDNSConfigOption': 'Name:string Value:*string',
  'v1.PodReadinessGate': 'ConditionType:v1.PodConditionType',
  'v1.PodOS': 'Name:v1.OSName',
  'v1.PodSchedulingGate': 'Name:string',
  'v1.TopologySpreadConstraint': `MaxSkew:int32 TopologyKey:string WhenUnsatisfiable:v1.UnsatisfiableConstraintAction
    LabelSelector:*v1.LabelSelector MinDomains:*int32 NodeAffinityPolicy:*v1.NodeInclusionPolicy
    NodeTaintsPolicy:*v1.NodeInclusionPolicy MatchLabelKeys:[]string`,
  'v1.LabelSelector': 'MatchLabels:map[string]string MatchExpressions:[]v1.LabelSelectorRequirement',
  'v1.LabelSelectorRequirement': 'Key:string Operator:v1.LabelSelectorOperator Values:[]string',
  'v1.Affinity': 'NodeAffinity:*v1.NodeAffinity PodAffinity:*v1.PodAffinity PodAntiAffinity:*v1.PodAntiAffinity',
  'v1.NodeAffinity': `RequiredDuringSchedulingIgnoredDuringExecution:*v1.NodeSelector
    PreferredDuringSchedulingIgnoredDuringExecution:[]v1.PreferredSchedulingTerm`,
  'v1.NodeSelector': 'NodeSelectorTerms:[]v1.NodeSelectorTerm',
  'v1.NodeSelectorTerm': 'MatchExpressions:[]v1.NodeSelectorRequirement MatchFields:[]v1.NodeSelectorRequirement',
  'v1.NodeSelectorRequirement': 'Key:string Operator:v1.NodeSelectorOperator Values:[]string',
  'v1.PreferredSchedulingTerm': 'Weight:int32 Preference:v1.NodeSelectorTerm',
  'v1.PodAffinity': `RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm
    PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm`,
  'v1.PodAntiAffinity': `RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm
    PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm`,
  'v1.WeightedPodAffinityTerm': 'Weight:int32 PodAffinityTerm:v1.PodAffinityTerm',
  'v1.PodAffinityTerm': `LabelSelector:*v1.LabelSelector Namespaces:[]string TopologyKey:string
    NamespaceSelector:*v1.LabelSelector MatchLabelKeys:[]string MismatchLabelKeys:[]string`,
  'v1.Volume': 'Name:string VolumeSource:v1.VolumeSource!',
  'v1.VolumeSource': `HostPath:*v1.HostPathVolumeSource EmptyDir:*v1.EmptyDirVolumeSource
    GCEPersistentDisk=gcePersistentDisk:*v1.GCEPersistentDiskVolumeSource
    AWSElasticBlockStore=awsElasticBlockStore:*v1.AWSElasticBlockStoreVolumeSource GitRepo:*v1.GitRepoVolumeSource
    Secret:*v1.SecretVolumeSource NFS=nfs:*v1.NFSVolumeSource ISCSI=iscsi:*v1.ISCSIVolumeSource
    Glusterfs:*v1.GlusterfsVolumeSource PersistentVolumeClaim:*v1.PersistentVolumeClaimVolumeSource
    RBD=rbd:*v1.RBDVolumeSource FlexVolume:*v1.FlexVolumeSource Cinder:*v1.CinderVolumeSource
    CephFS=cephfs:*v1.CephFSVolumeSource Flocker:*v1.FlockerVolumeSource DownwardAPI:*v1.DownwardAPIVolumeSource
    FC=fc:*v1.FCVolumeSource AzureFile:*v1.AzureFileVolumeSource ConfigMap:*v1.ConfigMapVolumeSource
    VsphereVolume:*v1.VsphereVirtualDiskVolumeSource Quobyte:*v1.QuobyteVolumeSource AzureDisk:*v1.AzureDiskVolumeSource
    PhotonPersistentDisk:*v1.PhotonPersistentDiskVolumeSource Projected:*v1.ProjectedVolumeSource
    PortworxVolume:*v1.PortworxVolumeSource ScaleIO:*v1.ScaleIOVolumeSource StorageOS=storageos:*v1.StorageOSVolumeSource
    CSI=csi:*v1.CSIVolumeSource Ephemeral:*v1.EphemeralVolumeSource Image:*v1.ImageVolumeSource`,
  'v1.HostPathVolumeSource': 'Path:string Type:*v1.HostPathType',
  'v1.EmptyDirVolumeSource': 'Medium:v1.StorageMedium SizeLimit:*resource.Quantity',
  'v1.SecretVolumeSource': 'SecretName:string Items:[]v1.KeyToPath DefaultMode:*int32 Optional:*bool',
  'v1.ConfigMapVolumeSource': `LocalObjectReference:v1.LocalObjectReference! Items:[]v1.KeyToPath DefaultMode:*int32
    Optional:*bool`,
  'v1.KeyToPath': 'Key:string Path:string Mode:*int32',
  'v1.NFSVolumeSource': 'Server:string Path:string ReadOnly:bool',
  'v1.PersistentVolumeClaimVolumeSource': 'ClaimName:string ReadOnly:bool',
  'v1.DownwardAPIVolumeSource': 'Items:[]v1.DownwardAPIVolumeFile DefaultMode:*int32',
  'v1.DownwardAPIVolumeFile': `Path:string FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector
    Mode:*int32`,
  'v1.ProjectedVolumeSource': 'Sources:[]v1.VolumeProjection DefaultMode:*int32',
  'v1.VolumeProjection': `Secret:*v1.SecretProjection DownwardAPI:*v1.DownwardAPIProjection ConfigMap:*v1.ConfigMapProjection
    ServiceAccountToken:*v1.ServiceAccountTokenProjection ClusterTrustBundle:*v1.ClusterTrustBundleProjection
    PodCertificate:*v1.PodCertificateProjection`,
  'v1.SecretProjection': 'LocalObjectReference:v1.LocalObjectReference! Items:[]v1.KeyToPath Optional:*bool',
  'v1.ConfigMapProjection': 'LocalObjectReference:v1.LocalObjectReference! Items:[]v1.KeyToPath Optional:*bool',
  'v1.DownwardAPIProjection': 'Items:[]v1.DownwardAPIVolumeFile',
  'v1.ServiceAccountTokenProjection': 'Audience:string ExpirationSeconds:*int64 Path:string',
}

interface Field {
  readonly go: string
  readonly json: string
  readonly type: string
  readonly inline: boolean
}

const parsed = new Map<string, readonly Field[]>()

function fieldsOf(struct: string): readonly Field[] {
  const known = parsed.get(struct)
  if (known) return known
  const fields = (STRUCTS[struct] ?? '').split(/\s+/).map((text): Field => {
    const [, go = '', json, type = '', inline] = /^(\w+)(?:=(\w+))?:([^!]+)(!?)$/.exec(text) ?? []
    return { go, json: json ?? `${go[0]?.toLowerCase()}${go.slice(1)}`, type, inline: inline === '!' }
  })
  parsed.set(struct, fields)
  return fields
}

export function goDump(template: PodTemplateSpec): string {
  return `(v1.PodTemplateSpec)${dump(template, 'v1.PodTemplateSpec')}`
}

type Members = Readonly<Record<string, unknown>>

/** The value without its type in front. */
function dump(value: unknown, type: string): string {
  if (type.startsWith('*')) return value === undefined || value === null ? '<nil>' : dump(value, type.slice(1))
  if (type.startsWith('[]')) return dumpList((value ?? []) as readonly unknown[], type.slice(2))
  if (type === 'map[string]string') return dumpMap((value ?? {}) as Members, 'string')
  if (type === 'v1.ResourceList') return dumpMap((value ?? {}) as Members, 'resource.Quantity')
  if (type === 'resource.Quantity') return dumpQuantity(String(value ?? '0'))
  if (type === 'intstr.IntOrString') return dumpIntOrString(value as number | string | undefined)
  // A template has no times; what a client says of them all the same does not count.
  if (type === 'v1.Time') return '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}'
  if (STRUCTS[type]) return dumpStruct((value ?? {}) as Members, type)
  if (type === 'bool') return String(value ?? false)
  if (/^int\d/.test(type)) return String(value ?? 0)
  return typeof value === 'object' ? JSON.stringify(value) : String(value ?? '')
}

/** What is empty is nil, after a way over the wire. */
function dumpList(items: readonly unknown[], type: string): string {
  return items.length === 0 ? '<nil>' : `[${items.map((item) => dump(item, type)).join(' ')}]`
}

function dumpMap(map: Members, type: string): string {
  const keys = Object.keys(map).sort()
  return keys.length === 0 ? '<nil>' : `map[${keys.map((key) => `${key}:${dump(map[key], type)}`).join(' ')}]`
}

function dumpStruct(value: Members, type: string): string {
  const fields = fieldsOf(type).map(
    ({ go, json, type: inner, inline }) => `${go}:(${inner})${dump(inline ? value : value[json], inner)}`,
  )
  return `{${fields.join(' ')}}`
}

function dumpIntOrString(value: number | string | undefined): string {
  const text = typeof value === 'string'
  return `{Type:(intstr.Type)${text ? 1 : 0} IntVal:(int32)${text ? 0 : (value ?? 0)} StrVal:(string)${text ? value : ''}}`
}

/** A number and a power of ten, as they were written; binary suffixes are multiplied out. */
function dumpQuantity(text: string): string {
  const [, digits = '0', suffix = ''] = /^(-?\d+)(.*)$/.exec(canonicalQuantity(text)) ?? []
  const scale = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }[suffix]
  const amount = scale === undefined ? parseQuantity(text).nanos / 1_000_000_000n : BigInt(digits)
  const format = suffix.endsWith('i') ? 'BinarySI' : 'DecimalSI'
  return `{i:(resource.int64Amount){value:(int64)${amount} scale:(resource.Scale)${scale ?? 0}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string) Format:(resource.Format)${format}}`
}
