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
import type { Container, EphemeralContainer, PodSpec } from '../../api/types/core-v1.gen.ts'
import { envErrors } from './env-validation.ts'
import { lifecycleErrors, probesErrors } from './probe-validation.ts'
import { resourcesErrors } from './resource-validation.ts'
import { containerSecurityErrors } from './security-validation.ts'
import { mountErrors } from './volume-validation.ts'

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']

/** What the containers of one pod share while they are checked. */
interface Pod {
  readonly spec: PodSpec
  readonly volumes: ReadonlySet<string>
  readonly names: Set<string>
  readonly hostPorts: Set<string>
}

/** All containers of a pod. `volumes` are the names that may be mounted. */
export function containersErrors(
  spec: PodSpec,
  field: string,
  volumes: ReadonlySet<string>,
  errors: FieldError[],
): void {
  const pod: Pod = { spec, volumes, names: new Set(), hostPorts: new Set() }
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
  imageErrors(container.image ?? '', `${field}.image`, errors)
  const { terminationMessagePolicy: message, imagePullPolicy: pull } = container
  if (!message) errors.push(required(`${field}.terminationMessagePolicy`))
  else if (!MESSAGE_POLICIES.includes(message)) {
    errors.push(notSupported(`${field}.terminationMessagePolicy`, message, MESSAGE_POLICIES))
  }
  portsErrors(container, field, pod.spec.hostNetwork === true, errors)
  envErrors(container, field, errors)
  mountErrors(container, field, pod.volumes, errors)
  if (!pull) errors.push(required(`${field}.imagePullPolicy`))
  else if (!PULL_POLICIES.includes(pull)) errors.push(notSupported(`${field}.imagePullPolicy`, pull, PULL_POLICIES))
  if (container.resources) resourcesErrors(container.resources, `${field}.resources`, errors)
  if (container.securityContext) {
    containerSecurityErrors(container.securityContext, `${field}.securityContext`, errors)
  }
}

function imageErrors(image: string, field: string, errors: FieldError[]): void {
  if (image === '') errors.push(required(field))
  else if (image.trim() !== image) errors.push(invalid(field, image, 'must not have leading or trailing whitespace'))
}

function portsErrors(
  { ports }: Container | EphemeralContainer,
  field: string,
  hostNetwork: boolean,
  errors: FieldError[],
): void {
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
    if (hostNetwork && hostPort !== containerPort) {
      errors.push(invalid(`${at}.hostPort`, hostPort ?? 0, 'must match `containerPort` when `hostNetwork` is true'))
    }
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
      errors.push(forbiddenField(`${field}.${key}`, 'cannot be set for an Ephemeral Container'))
    }
  }
}
