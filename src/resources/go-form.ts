/**
 * How Kubernetes prints an object inside a message: as JSON of its internal Go type, whose fields have other names, stand in
 * their own order and are all there. Only what pods and events are made of; the order is visible in messages about forbidden changes.
 *
 * A type is a list of fields `GoName=jsonName:zero>Type`. Left out: the JSON name is the Go name with a small first letter, zero is
 * null (pointers, lists, maps), and the value is printed as it is.
 */

const TYPES: Readonly<Record<string, string>> = {
  PodSpec: `Volumes>Volume InitContainers>Container Containers>Container EphemeralContainers>EphemeralContainer
    RestartPolicy:"" TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy=dnsPolicy:"" NodeSelector
    ServiceAccountName:"" AutomountServiceAccountToken NodeName:"" SecurityContext>PodSecurityContext
    ImagePullSecrets>LocalObjectReference Hostname:"" Subdomain:"" SetHostnameAsFQDN Affinity>Affinity SchedulerName:""
    Tolerations>Toleration HostAliases>HostAlias PriorityClassName:"" Priority PreemptionPolicy DNSConfig=dnsConfig>PodDNSConfig
    ReadinessGates>PodReadinessGate RuntimeClassName Overhead EnableServiceLinks
    TopologySpreadConstraints>TopologySpreadConstraint OS=os>Named SchedulingGates>Named ResourceClaims>Any
    Resources>ResourceRequirements HostnameOverride SchedulingGroup>Any`,
  PodSecurityContext: `HostNetwork:false HostPID=hostPID:false HostIPC=hostIPC:false ShareProcessNamespace HostUsers
    SELinuxOptions=seLinuxOptions>Any WindowsOptions>Any RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups
    SupplementalGroupsPolicy FSGroup=fsGroup FSGroupChangePolicy=fsGroupChangePolicy Sysctls>NameValue
    SeccompProfile>Profile AppArmorProfile>Profile SELinuxChangePolicy=seLinuxChangePolicy`,
  Container: `Name:"" Image:"" Command Args WorkingDir:"" Ports>ContainerPort EnvFrom>EnvFromSource Env>EnvVar
    Resources:{}>ResourceRequirements ResizePolicy>Any RestartPolicy RestartPolicyRules>Any VolumeMounts>VolumeMount
    VolumeDevices>VolumeDevice LivenessProbe>Probe ReadinessProbe>Probe StartupProbe>Probe Lifecycle>Lifecycle
    TerminationMessagePath:"" TerminationMessagePolicy:"" ImagePullPolicy:"" SecurityContext>SecurityContext
    Stdin:false StdinOnce:false TTY=tty:false`,
  ContainerPort: 'Name:"" HostPort:0 ContainerPort:0 Protocol:"" HostIP=hostIP:""',
  ResourceRequirements: 'Limits Requests Claims>Any',
  EnvFromSource: 'Prefix:"" ConfigMapRef>OptionalName SecretRef>OptionalName',
  OptionalName: 'Name:"" Optional',
  EnvVar: 'Name:"" Value:"" ValueFrom>EnvVarSource',
  EnvVarSource: `FieldRef>ObjectFieldSelector ResourceFieldRef>ResourceFieldSelector ConfigMapKeyRef>KeySelector
    SecretKeyRef>KeySelector FileKeyRef>Any`,
  ObjectFieldSelector: 'APIVersion=apiVersion:"" FieldPath:""',
  ResourceFieldSelector: 'ContainerName:"" Resource:"" Divisor:"0"',
  KeySelector: 'Name:"" Key:"" Optional',
  VolumeMount: 'Name:"" ReadOnly:false RecursiveReadOnly MountPath:"" SubPath:"" MountPropagation SubPathExpr:""',
  VolumeDevice: 'Name:"" DevicePath:""',
  Probe: `Exec>ExecAction HTTPGet=httpGet>HTTPGetAction TCPSocket=tcpSocket>TCPSocketAction GRPC=grpc>GRPCAction
    InitialDelaySeconds:0 TimeoutSeconds:0 PeriodSeconds:0 SuccessThreshold:0 FailureThreshold:0
    TerminationGracePeriodSeconds`,
  ExecAction: 'Command',
  HTTPGetAction: 'Path:"" Port:0 Host:"" Scheme:"" HTTPHeaders=httpHeaders>NameValue',
  TCPSocketAction: 'Port:0 Host:""',
  GRPCAction: 'Port:0 Service',
  Lifecycle: 'PostStart>LifecycleHandler PreStop>LifecycleHandler StopSignal',
  LifecycleHandler:
    'Exec>ExecAction HTTPGet=httpGet>HTTPGetAction TCPSocket=tcpSocket>TCPSocketAction Sleep>SleepAction',
  SleepAction: 'Seconds:0',
  SecurityContext: `Capabilities>Capabilities Privileged SELinuxOptions=seLinuxOptions>Any WindowsOptions>Any RunAsUser RunAsGroup
    RunAsNonRoot ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount SeccompProfile>Profile AppArmorProfile>Profile`,
  Capabilities: 'Add Drop',
  Profile: 'Type:"" LocalhostProfile',
  Volume: `Name:"" HostPath>HostPath EmptyDir>EmptyDir GCEPersistentDisk=gcePersistentDisk>Any
    AWSElasticBlockStore=awsElasticBlockStore>Any GitRepo>Any Secret>SecretVolume NFS=nfs>NFS ISCSI=iscsi>Any Glusterfs>Any
    PersistentVolumeClaim>ClaimVolume RBD=rbd>Any Quobyte>Any FlexVolume>Any Cinder>Any CephFS=cephfs>Any Flocker>Any
    DownwardAPI=downwardAPI>DownwardVolume FC=fc>Any AzureFile>Any ConfigMap>ConfigMapVolume VsphereVolume>Any AzureDisk>Any
    PhotonPersistentDisk>Any Projected>Projected PortworxVolume>Any ScaleIO=scaleIO>Any StorageOS=storageos>Any CSI=csi>Any
    Ephemeral>Any Image>Any`,
  HostPath: 'Path:"" Type',
  EmptyDir: 'Medium:"" SizeLimit',
  NFS: 'Server:"" Path:"" ReadOnly:false',
  SecretVolume: 'SecretName:"" Items>KeyToPath DefaultMode Optional',
  ConfigMapVolume: 'Name:"" Items>KeyToPath DefaultMode Optional',
  ClaimVolume: 'ClaimName:"" ReadOnly:false',
  KeyToPath: 'Key:"" Path:"" Mode',
  DownwardVolume: 'Items>DownwardFile DefaultMode',
  DownwardFile: 'Path:"" FieldRef>ObjectFieldSelector ResourceFieldRef>ResourceFieldSelector Mode',
  Projected: 'Sources>Projection DefaultMode',
  Projection: `Secret>ConfigMapProjection DownwardAPI=downwardAPI>DownwardProjection ConfigMap>ConfigMapProjection
    ServiceAccountToken>TokenProjection ClusterTrustBundle>Any PodCertificate>Any`,
  ConfigMapProjection: 'Name:"" Items>KeyToPath Optional',
  DownwardProjection: 'Items>DownwardFile',
  TokenProjection: 'Audience:"" ExpirationSeconds:0 Path:""',
  ClaimSpec: `AccessModes Selector Resources:{}>ClaimResources VolumeName:"" StorageClassName VolumeMode DataSource>Any
    DataSourceRef>Any VolumeAttributesClassName`,
  ClaimResources: 'Limits Requests',
  VolumeSource: `GCEPersistentDisk=gcePersistentDisk>Any AWSElasticBlockStore=awsElasticBlockStore>Any HostPath>HostPath
    Glusterfs>Any NFS=nfs>NFS RBD=rbd>Any Quobyte>Any ISCSI=iscsi>Any FlexVolume>Any Cinder>Any CephFS=cephfs>Any FC=fc>Any
    Flocker>Any AzureFile>Any VsphereVolume>Any AzureDisk>Any PhotonPersistentDisk>Any PortworxVolume>Any ScaleIO=scaleIO>Any
    Local>Any StorageOS=storageos>Any CSI=csi>Any`,
  Affinity: 'NodeAffinity>NodeAffinity PodAffinity>PodAffinity PodAntiAffinity>PodAffinity',
  NodeAffinity: `RequiredDuringSchedulingIgnoredDuringExecution>NodeSelector
    PreferredDuringSchedulingIgnoredDuringExecution>PreferredTerm`,
  NodeSelector: 'NodeSelectorTerms>NodeSelectorTerm',
  NodeSelectorTerm: 'MatchExpressions>Requirement MatchFields>Requirement',
  PreferredTerm: 'Weight:0 Preference:{}>NodeSelectorTerm',
  Requirement: 'Key:"" Operator:"" Values',
  PodAffinity: `RequiredDuringSchedulingIgnoredDuringExecution>PodAffinityTerm
    PreferredDuringSchedulingIgnoredDuringExecution>WeightedTerm`,
  WeightedTerm: 'Weight:0 PodAffinityTerm:{}>PodAffinityTerm',
  PodAffinityTerm: 'LabelSelector Namespaces TopologyKey:"" NamespaceSelector MatchLabelKeys MismatchLabelKeys',
  Toleration: 'Key:"" Operator:"" Value:"" Effect:"" TolerationSeconds',
  TopologySpreadConstraint: `MaxSkew:0 TopologyKey:"" WhenUnsatisfiable:"" LabelSelector MinDomains NodeAffinityPolicy
    NodeTaintsPolicy MatchLabelKeys`,
  PodDNSConfig: 'Nameservers Searches Options>DNSOption',
  DNSOption: 'Name:"" Value',
  PodReadinessGate: 'ConditionType:""',
  HostAlias: 'IP=ip:"" Hostnames',
  LocalObjectReference: 'Name:""',
  ObjectReference: `Kind:"" Namespace:"" Name:"" UID=uid:"" APIVersion=apiVersion:"" ResourceVersion:"" FieldPath:""`,
  EventSource: 'Component:"" Host:""',
  Named: 'Name:""',
  NameValue: 'Name:"" Value:""',
}

interface Field {
  readonly go: string
  readonly json: string
  readonly zero: unknown
  readonly type: string | undefined
}

const parsed = new Map<string, readonly Field[]>()

function fieldsOf(type: string): readonly Field[] {
  const known = parsed.get(type)
  if (known) return known
  const text = type === 'EphemeralContainer' ? `${TYPES.Container} TargetContainerName:""` : (TYPES[type] ?? '')
  const fields = text.split(/\s+/).map(parseField)
  parsed.set(type, fields)
  return fields
}

function parseField(text: string): Field {
  const [, go = '', json, zero, type] = /^(\w+)(?:=(\w+))?(?::([^>]+))?(?:>(\w+))?$/.exec(text) ?? []
  return { go, json: json ?? go[0]?.toLowerCase() + go.slice(1), zero: zero ? JSON.parse(zero) : null, type }
}

/** The object as the Go type of that name would be printed. `type` is a name of the table above. */
export function goForm(value: unknown, type: string): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map((item) => goForm(item, type))
  if (typeof value !== 'object' || value === null) return value ?? null
  if (type === 'Any') return capitalized(value as Record<string, unknown>)
  const from = (type === 'PodSpec' ? withHostFields(value) : value) as Record<string, unknown>
  const out: Record<string, unknown> = {}
  for (const { go, json, zero, type: inner } of fieldsOf(type)) {
    const member = from[json]
    if (member === undefined || member === null) out[go] = isEmptyObject(zero) && inner ? goForm({}, inner) : zero
    else out[go] = inner ? goForm(member, inner) : emptyAsNull(member)
  }
  return out
}

/** Host namespaces are in the security context, inside. */
function withHostFields(spec: object): object {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, securityContext } = spec as Record<
    string,
    unknown
  >
  const host = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers }
  return { ...spec, securityContext: { ...(securityContext as object | undefined), ...host } }
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function emptyAsNull(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? null : value
}

/** Types that are not in the table: the names are guessed, what is not set stays out. */
function capitalized(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key[0]?.toUpperCase() + key.slice(1), member]),
  )
}

/** As Go's json.MarshalIndent with one space prints it, keys of maps sorted. */
export function goText(value: unknown, type: string): string {
  return JSON.stringify(goForm(value, type), sortMaps, 1)
}

/** Maps (labels, quantities) come sorted from Go; structs have their own order. A map is what has a small or odd first letter. */
function sortMaps(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const keys = Object.keys(value)
  if (keys.every((key) => /^[A-Z]/.test(key))) return value
  return Object.fromEntries(keys.sort().map((key) => [key, (value as Record<string, unknown>)[key]]))
}
