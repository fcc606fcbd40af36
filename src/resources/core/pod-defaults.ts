/** Defaults of pods and pod templates, as Kubernetes 1.36 fills them in after decoding. In place; asks nobody. */
import type { Draft } from '../../api/object.ts'
import type {
  Container,
  EnvVar,
  EphemeralContainer,
  LifecycleHandler,
  ObjectFieldSelector,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceFieldSelector,
  ResourceRequirements,
  Volume,
  VolumeProjection,
} from '../../api/types/core-v1.gen.ts'

/** 0644 */
const FILE_MODE = 420
const TOKEN_SECONDS = 3600

export function defaultTemplate(template: Draft<PodTemplateSpec>): void {
  template.metadata ??= {}
  template.spec ??= {} as Draft<PodSpec>
  defaultPodSpec(template.spec)
}

export function defaultPod(pod: Draft<Pod>): void {
  pod.spec ??= {} as Draft<PodSpec>
  const { spec } = pod
  defaultPodSpec(spec)
  spec.enableServiceLinks ??= true
  for (const container of spec.containers ?? []) defaultPodContainer(container, spec)
  for (const container of spec.initContainers ?? []) defaultPodContainer(container, spec)
  defaultPodRequests(spec)
  alignAddresses(pod)
}

/** What only pods get, not templates: requests from limits, host ports of the host's network. */
function defaultPodContainer(container: Draft<Container>, spec: Draft<PodSpec>): void {
  if (container.resources?.limits) requestsFromLimits(container.resources)
  if (!spec.hostNetwork) return
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
}

function requestsFromLimits(resources: Draft<ResourceRequirements>): void {
  resources.requests ??= {}
  for (const [name, limit] of Object.entries(resources.limits ?? {}))
    if (!Object.hasOwn(resources.requests, name)) resources.requests[name] = limit
}

/** Requests of the pod as a whole follow its limits, where no container asks for that resource itself. */
function defaultPodRequests(spec: Draft<PodSpec>): void {
  if (!spec.resources?.limits) return
  const requests = spec.resources.requests ?? {}
  const asked = new Set(
    [requests, ...(spec.containers ?? []).map((c) => c.resources?.requests ?? {})].flatMap(Object.keys),
  )
  for (const [name, limit] of Object.entries(spec.resources.limits)) if (!asked.has(name)) requests[name] = limit
  if (Object.keys(requests).length > 0) spec.resources.requests = requests
}

/** podIP is the first of podIPs; hostIP of hostIPs. Either may be given alone. */
function alignAddresses({ status }: Draft<Pod>): void {
  if (!status) return
  if (status.podIPs?.[0]) status.podIP = status.podIPs[0].ip
  else if (status.podIP) status.podIPs = [{ ip: status.podIP }]
}

function defaultPodSpec(spec: Draft<PodSpec>): void {
  spec.restartPolicy ||= 'Always'
  spec.terminationGracePeriodSeconds ??= 30
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.securityContext ??= {}
  spec.schedulerName ||= 'default-scheduler'
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount
  for (const container of spec.containers ?? []) defaultContainer(container)
  for (const container of spec.initContainers ?? []) defaultContainer(container)
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container)
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
}

function defaultContainer(container: Draft<Container> | Draft<EphemeralContainer>): void {
  container.resources ??= {}
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.imagePullPolicy ||= followsLatest(container.image ?? '') ? 'Always' : 'IfNotPresent'
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const variable of container.env ?? []) defaultEnv(variable)
  if (container.livenessProbe) defaultProbe(container.livenessProbe)
  if (container.readinessProbe) defaultProbe(container.readinessProbe)
  if (container.startupProbe) defaultProbe(container.startupProbe)
  if (container.lifecycle?.postStart) defaultHandler(container.lifecycle.postStart)
  if (container.lifecycle?.preStop) defaultHandler(container.lifecycle.preStop)
}

/**
 * Drops what is behind feature gates that are off by default (stopSignal, two kinds of projected sources), as if it had never
 * been said. When an object is prepared, not with the defaults: who sent the field still manages it.
 */
export function dropGatedFields(spec: Draft<PodSpec> | undefined): void {
  for (const { projected } of spec?.volumes ?? []) {
    for (const source of projected?.sources ?? []) {
      delete source.clusterTrustBundle
      delete source.podCertificate
    }
  }
  for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
    const { lifecycle } = container
    if (lifecycle?.stopSignal === undefined) continue
    const { stopSignal: _, ...rest } = lifecycle
    if (rest.postStart || rest.preStop) container.lifecycle = rest
    else delete container.lifecycle
  }
}

/** No tag and no digest, or the tag latest. What is no image reference at all follows nothing. */
function followsLatest(image: string): boolean {
  const at = image.indexOf('@')
  const name = at < 0 ? image : image.slice(0, at)
  const slash = name.lastIndexOf('/')
  const colon = name.indexOf(':', slash + 1)
  if (colon >= 0) return name.slice(colon + 1) === 'latest'
  return at < 0 && /^[a-z0-9]/.test(name.slice(slash + 1)) && !/[A-Z\s]/.test(name.slice(slash + 1))
}

function defaultEnv({ valueFrom }: Draft<EnvVar>): void {
  if (valueFrom?.fieldRef) defaultFieldRef(valueFrom.fieldRef)
  if (valueFrom?.resourceFieldRef) defaultResourceRef(valueFrom.resourceFieldRef)
}

function defaultFieldRef(ref: Draft<ObjectFieldSelector>): void {
  ref.apiVersion ||= 'v1'
}

function defaultResourceRef(ref: Draft<ResourceFieldSelector>): void {
  ref.divisor ||= '0'
}

function defaultProbe(probe: Draft<Probe>): void {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.grpc) probe.grpc.service ??= ''
  defaultHandler(probe)
}

function defaultHandler(handler: Draft<LifecycleHandler> | Draft<Probe>): void {
  if (!handler.httpGet) return
  handler.httpGet.path ||= '/'
  handler.httpGet.scheme ||= 'HTTP'
}

function defaultVolume(volume: Draft<Volume>): void {
  if (!hasSource(volume)) volume.emptyDir = {}
  if (volume.configMap) volume.configMap.defaultMode ??= FILE_MODE
  if (volume.secret) volume.secret.defaultMode ??= FILE_MODE
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= FILE_MODE
    defaultDownward(volume.downwardAPI)
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= FILE_MODE
    for (const source of volume.projected.sources ?? []) defaultProjection(source)
  }
  if (volume.hostPath) volume.hostPath.type ??= ''
  defaultStoredVolume(volume)
  if (volume.ephemeral?.volumeClaimTemplate) {
    const template = volume.ephemeral.volumeClaimTemplate
    template.metadata ??= {}
    template.spec.volumeMode ??= 'Filesystem'
  }
}

/** Types that no node here serves: what is kept is still what Kubernetes keeps. */
function defaultStoredVolume({ iscsi, rbd, azureDisk, scaleIO, image }: Draft<Volume>): void {
  if (iscsi) iscsi.iscsiInterface ||= 'default'
  if (rbd) {
    rbd.pool ||= 'rbd'
    rbd.user ||= 'admin'
    rbd.keyring ||= '/etc/ceph/keyring'
  }
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite'
    azureDisk.kind ??= 'Shared'
    azureDisk.fsType ??= 'ext4'
    azureDisk.readOnly ??= false
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned'
    scaleIO.fsType ||= 'xfs'
  }
  if (image) image.pullPolicy ||= followsLatest(image.reference ?? '') ? 'Always' : 'IfNotPresent'
}

function hasSource(volume: Draft<Volume>): boolean {
  for (const key in volume) if (key !== 'name') return true
  return false
}

function defaultProjection(source: Draft<VolumeProjection>): void {
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS
  if (source.downwardAPI) defaultDownward(source.downwardAPI)
}

function defaultDownward(source: {
  items?: { fieldRef?: Draft<ObjectFieldSelector>; resourceFieldRef?: Draft<ResourceFieldSelector> }[]
}): void {
  for (const item of source.items ?? []) {
    if (item.fieldRef) defaultFieldRef(item.fieldRef)
    if (item.resourceFieldRef) defaultResourceRef(item.resourceFieldRef)
  }
}
