/** Rules of containers: names, images, ports, mounts, resources; init containers and ephemeral containers. */
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../../api/field-error.ts'
import { labelNameErrors, portNameErrors } from '../../api/names.ts'
import type {
  Container,
  ContainerResizePolicy,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../../api/types/core-v1.gen.ts'
import { envErrors } from './env-validation.ts'
import { deviceErrors, mountErrors } from './mount-validation.ts'
import { lifecycleErrors, probesErrors } from './probe-validation.ts'
import { resourcesErrors } from './resource-validation.ts'
import { containerSecurityErrors } from './security-validation.ts'

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const RESIZABLE = ['cpu', 'memory']
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer']
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']

/** Whose the spec is: a pod's, or a template's, which becomes one later. Some rules wait until then. */
export type SpecOwner = 'pod' | 'template'

/** What the containers of one pod share while they are checked. */
interface Pod {
  readonly spec: PodSpec
  readonly owner: SpecOwner
  readonly volumes: ReadonlyMap<string, Volume>
  readonly names: Set<string>
  readonly hostPorts: Set<string>
}

/** All containers of a pod. `volumes` are those that may be mounted, by name. */
export function containersErrors(
  spec: PodSpec,
  field: string,
  { volumes, owner }: { volumes: ReadonlyMap<string, Volume>; owner: SpecOwner },
  errors: FieldError[],
): void {
  const pod: Pod = { spec, owner, volumes, names: new Set(), hostPorts: new Set() }
  const containers = spec.containers ?? []
  if (containers.length === 0) errors.push(required(`${field}.containers`))
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i] as Container
    const at = `${field}.containers[${i}]`
    containerErrors(container, at, pod, errors)
    takenNameErrors(container, at, pod, errors)
    lifecycleErrors(container.lifecycle, `${at}.lifecycle`, spec.terminationGracePeriodSeconds, errors)
    probesErrors(container, at, errors)
    hostPortErrors(container, at, pod, errors)
    if (spec.hostNetwork) hostNetworkErrors(container, at, owner, errors)
  }
  const init = spec.initContainers ?? []
  for (let i = 0; i < init.length; i++)
    initContainerErrors(init[i] as Container, `${field}.initContainers[${i}]`, pod, errors)
  const ephemeral = spec.ephemeralContainers ?? []
  for (let i = 0; i < ephemeral.length; i++) {
    ephemeralErrors(ephemeral[i] as EphemeralContainer, `${field}.ephemeralContainers[${i}]`, pod, errors)
  }
}

function takenNameErrors(container: { name: string }, field: string, pod: Pod, errors: FieldError[]): void {
  if (pod.names.has(container.name)) errors.push(duplicate(`${field}.name`, container.name))
  else if (container.name) pod.names.add(container.name)
}

/** What holds for containers of every kind. */
function containerErrors(
  container: Container | EphemeralContainer,
  field: string,
  pod: Pod,
  errors: FieldError[],
): void {
  if (!container.name) errors.push(required(`${field}.name`))
  else for (const m of labelNameErrors(container.name)) errors.push(invalid(`${field}.name`, container.name, m))
  imageErrors(container.image ?? '', `${field}.image`, pod.owner, errors)
  const { terminationMessagePolicy: message, imagePullPolicy: pull } = container
  if (!message) errors.push(required(`${field}.terminationMessagePolicy`))
  else if (!MESSAGE_POLICIES.includes(message)) {
    errors.push(notSupported(`${field}.terminationMessagePolicy`, message, MESSAGE_POLICIES))
  }
  portsErrors(container, field, errors)
  envErrors(container, field, errors)
  mountErrors(container, `${field}.volumeMounts`, pod.volumes, errors)
  deviceErrors(container, `${field}.volumeDevices`, pod.volumes, errors)
  if (!pull) errors.push(required(`${field}.imagePullPolicy`))
  else if (!PULL_POLICIES.includes(pull)) errors.push(notSupported(`${field}.imagePullPolicy`, pull, PULL_POLICIES))
  if (container.resources) resourcesErrors(container.resources, `${field}.resources`, errors)
  if (container.resizePolicy) {
    resizePolicyErrors(container.resizePolicy, `${field}.resizePolicy`, pod.spec.restartPolicy, errors)
  }
  if (container.securityContext) {
    const host = pod.spec.hostUsers !== false
    containerSecurityErrors(container.securityContext, `${field}.securityContext`, host, errors)
  }
}

function imageErrors(image: string, field: string, owner: SpecOwner, errors: FieldError[]): void {
  if (image === '') errors.push(required(field))
  else if (owner === 'pod' && image.trim() !== image) {
    errors.push(invalid(field, image, 'must not have leading or trailing whitespace'))
  }
}

/** Paths without an index, as Kubernetes says them. */
function resizePolicyErrors(
  policies: readonly ContainerResizePolicy[],
  field: string,
  restartPolicy: string | undefined,
  errors: FieldError[],
): void {
  const seen = new Set<string>()
  for (const [i, { resourceName, restartPolicy: policy }] of policies.entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(`${field}[${i}]`, resourceName))
    seen.add(resourceName)
    for (const [value, supported] of [
      [resourceName, RESIZABLE],
      [policy, RESIZE_POLICIES],
    ] as const) {
      if (!value) errors.push(required(field))
      else if (!supported.includes(value)) errors.push(notSupported(field, value, supported))
    }
    if (restartPolicy === 'Never' && policy !== 'NotRequired') {
      errors.push(invalid(field, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
    }
  }
}

function portsErrors({ ports }: Container | EphemeralContainer, field: string, errors: FieldError[]): void {
  if (!ports) return
  const names = new Set<string>()
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort, hostPort, protocol } = ports[i]!
    const at = `${field}.ports[${i}]`
    if (name) {
      const messages = portNameErrors(name)
      for (const message of messages) errors.push(invalid(`${at}.name`, name, message))
      if (messages.length === 0 && names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
    }
    if (!containerPort) errors.push(required(`${at}.containerPort`))
    else numberErrors(containerPort, `${at}.containerPort`, errors)
    if (hostPort) numberErrors(hostPort, `${at}.hostPort`, errors)
    if (!protocol) errors.push(required(`${at}.protocol`))
    else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS))
  }
}

/** On the node's network a port is the node's. In a template the host port may be left out: the pod gets it by default. */
function hostNetworkErrors({ ports }: Container, field: string, owner: SpecOwner, errors: FieldError[]): void {
  for (const [i, { containerPort, hostPort = 0 }] of (ports ?? []).entries()) {
    if (hostPort === containerPort || (owner === 'template' && hostPort === 0)) continue
    const why = 'must match `containerPort` when `hostNetwork` is true'
    errors.push(invalid(`${field}.ports[${i}].hostPort`, hostPort, why))
  }
}

function numberErrors(port: number, field: string, errors: FieldError[]): void {
  if (port < 1 || port > 65_535) errors.push(invalid(field, port, 'must be between 1 and 65535, inclusive'))
}

/** Two containers cannot have one port of the node. */
function hostPortErrors({ ports }: Container, field: string, pod: Pod, errors: FieldError[]): void {
  if (!ports) return
  for (let i = 0; i < ports.length; i++) {
    const { hostPort, hostIP, protocol } = ports[i]!
    if (!hostPort) continue
    const key = `${protocol}/${hostIP ?? ''}/${hostPort}`
    if (pod.hostPorts.has(key)) errors.push(duplicate(`${field}.ports[${i}].hostPort`, key))
    pod.hostPorts.add(key)
  }
}

/** An init container with restartPolicy Always is a sidecar, which may have hooks and probes. */
function initContainerErrors(container: Container, field: string, pod: Pod, errors: FieldError[]): void {
  containerErrors(container, field, pod, errors)
  takenNameErrors(container, field, pod, errors)
  const { restartPolicy } = container
  if (restartPolicy && !RESTART_POLICIES.includes(restartPolicy)) {
    errors.push(notSupported(`${field}.restartPolicy`, restartPolicy, RESTART_POLICIES))
  }
  if (restartPolicy === 'Always') {
    lifecycleErrors(container.lifecycle, `${field}.lifecycle`, pod.spec.terminationGracePeriodSeconds, errors)
    probesErrors(container, field, errors)
    return
  }
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[key]) {
      errors.push(forbiddenField(`${field}.${key}`, 'may not be set for init containers without restartPolicy=Always'))
    }
  }
}

const NOT_HERE = 'cannot be set for an Ephemeral Container'

/** Ephemeral containers look, they do not serve: nothing that restarts, listens or is waited for. */
const NOT_EPHEMERAL = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
] as const

function ephemeralErrors(container: EphemeralContainer, field: string, pod: Pod, errors: FieldError[]): void {
  containerErrors(container, field, pod, errors)
  takenNameErrors(container, field, pod, errors)
  const target = container.targetContainerName
  const known = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].some((c) => c.name === target)
  if (target && !known) errors.push(notFoundField(`${field}.targetContainerName`, target))
  for (const key of NOT_EPHEMERAL) {
    const value = container[key]
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) {
      errors.push(forbiddenField(`${field}.${key}`, NOT_HERE))
    }
  }
  const { limits, requests, claims } = container.resources ?? {}
  if (limits || requests || claims) errors.push(forbiddenField(`${field}.resources`, NOT_HERE))
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    for (const key of ['subPath', 'subPathExpr'] as const) {
      if (mount[key]) errors.push(forbiddenField(`${field}.volumeMounts[${i}].${key}`, NOT_HERE))
    }
  }
}
