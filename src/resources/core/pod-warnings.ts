/** What is allowed in a pod and yet probably a mistake: the Warning headers of Kubernetes (pkg/api/pod/warnings.go), in its order. */
import { parseQuantity } from '../../api/quantity.ts'
import type {
  Container,
  ContainerPort,
  EnvVar,
  NodeSelectorTerm,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../api/types/core-v1.gen.ts'

type Warn = (text: string) => void

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const NO_SELECTOR = 'a null labelSelector results in matching no pod'

const OLD_LABELS = new Map(
  Object.entries({
    'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
    'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  }),
)

const SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
const OLD_ANNOTATIONS = Object.entries({
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
})

const OLD_VOLUMES = Object.entries({
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
}) as [keyof Volume, string][]

/** Calls `warn` for each. `path` is '' for a pod, or where the template is. */
export function podWarnings({ metadata, spec }: PodTemplateSpec, path: string, warn: Warn): void {
  if (!spec) return
  const at = path ? `${path}.` : ''
  const field = `${at}spec`
  schedulingWarnings(spec, field, warn)
  const annotations = metadata?.annotations
  const annotated = (key: string) => `${at}metadata.annotations[${key}]`
  for (const [key, why] of OLD_ANNOTATIONS) if (annotations?.[key]) warn(`${annotated(key)}: ${why}`)
  volumeWarnings(spec, field, warn)
  listWarnings(spec, field, warn)
  const podSeccomp = 'seccomp.security.alpha.kubernetes.io/pod'
  if (annotations?.[podSeccomp] && !spec.securityContext?.seccompProfile) warn(`${annotated(podSeccomp)}: ${SECCOMP}`)
  const containers = containersOf(spec, field)
  for (const [container, where] of containers) {
    const key = `container.seccomp.security.alpha.kubernetes.io/${container.name}`
    if (annotations?.[key] && !container.securityContext?.seccompProfile) warn(`${annotated(key)}: ${SECCOMP}`)
    fractionWarnings(container, where, warn)
    envWarnings(container.env ?? [], `${where}.env`, warn)
  }
  portWarnings(containers, warn)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warn(`${field}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`)
  affinityWarnings(spec.affinity?.podAffinity, `${field}.affinity.podAffinity`, warn)
  affinityWarnings(spec.affinity?.podAntiAffinity, `${field}.affinity.podAntiAffinity`, warn)
}

/** In the order in which Kubernetes visits them. */
function containersOf(spec: PodSpec, field: string): [Container, string][] {
  const out: [Container, string][] = []
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers = spec[list]
    if (!containers) continue
    for (let i = 0; i < containers.length; i++) out.push([containers[i] as Container, `${field}.${list}[${i}]`])
  }
  return out
}

function schedulingWarnings(spec: PodSpec, field: string, warn: Warn): void {
  for (const key in spec.nodeSelector)
    if (OLD_LABELS.has(key)) warn(`${field}.nodeSelector[${key}]: ${OLD_LABELS.get(key)}`)
  const node = spec.affinity?.nodeAffinity
  const at = `${field}.affinity.nodeAffinity`
  for (const [i, term] of (node?.[REQUIRED]?.nodeSelectorTerms ?? []).entries())
    nodeTermWarnings(term, `${at}.${REQUIRED}.nodeSelectorTerms[${i}]`, warn)
  for (const [i, { preference }] of (node?.[PREFERRED] ?? []).entries())
    nodeTermWarnings(preference, `${at}.${PREFERRED}[${i}].preference`, warn)
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const where = `${field}.topologySpreadConstraints[${i}]`
    const old = OLD_LABELS.get(topologyKey)
    if (old) warn(`${where}.topologyKey: ${topologyKey} is ${old}`)
    if (!labelSelector) warn(`${where}.labelSelector: ${NO_SELECTOR}`)
  }
}

function nodeTermWarnings(term: NodeSelectorTerm, field: string, warn: Warn): void {
  for (const [i, { key }] of (term.matchExpressions ?? []).entries())
    if (OLD_LABELS.has(key)) warn(`${field}.matchExpressions[${i}].key: ${key} is ${OLD_LABELS.get(key)}`)
}

function affinityWarnings(affinity: PodAffinity | undefined, field: string, warn: Warn): void {
  for (const [i, term] of (affinity?.[REQUIRED] ?? []).entries())
    if (!term.labelSelector) warn(`${field}.${REQUIRED}[${i}].labelSelector: ${NO_SELECTOR}`)
  for (const [i, { podAffinityTerm: term }] of (affinity?.[PREFERRED] ?? []).entries())
    if (!term.labelSelector) warn(`${field}.${PREFERRED}[${i}].podAffinityTerm.labelSelector: ${NO_SELECTOR}`)
}

function volumeWarnings({ volumes = [] }: PodSpec, field: string, warn: Warn): void {
  for (const [i, volume] of volumes.entries()) {
    for (const [key, why] of OLD_VOLUMES)
      if (volume[key]) warn(`${field}.volumes[${i}].${key === 'storageos' ? 'storageOS' : key}: ${why}`)
    const sources = volume.projected?.sources
    if (sources?.some((source) => Object.values(source).every((value) => value === undefined)))
      warn(`volume "${volume.name}" (Projected) has no sources provided`)
  }
}

/** Lists that are merged by a key: of two with one key the last stays. */
function listWarnings({ hostAliases = [], imagePullSecrets = [] }: PodSpec, field: string, warn: Warn): void {
  const twice = (values: readonly string[], shown: (value: string, i: number) => string) => {
    const seen = new Set<string>()
    for (const [i, value] of values.entries()) {
      if (seen.has(value)) warn(`${field}.${shown(value, i)}`)
      seen.add(value)
    }
  }
  twice(
    hostAliases.map(({ ip }) => ip),
    (ip, i) => `hostAliases[${i}].ip: duplicate ip "${ip}"`,
  )
  twice(
    imagePullSecrets.map(({ name = '' }) => name),
    (name, i) => `imagePullSecrets[${i}].name: duplicate name "${name}"`,
  )
  for (const [i, { name }] of imagePullSecrets.entries())
    if (!name) warn(`${field}.imagePullSecrets[${i}].name: invalid empty name ""`)
}

const NANOS = 1_000_000_000n
/** Amounts that are no fraction at sight. */
const WHOLE = /^[0-9]+(?:[kMGT]|[KMGT]i)?$/

/** `100m` of memory is a tenth of a byte, and was meant to be something else. */
function fractionWarnings({ resources }: Container, field: string, warn: Warn): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const list of ['limits', 'requests'] as const) {
      const value = resources?.[list]?.[name]
      if (value === undefined || WHOLE.test(value) || parseQuantity(value).nanos % NANOS === 0n) continue
      warn(`${field}.resources.${list}[${name}]: fractional byte value "${value}" is invalid, must be an integer`)
    }
  }
}

function envWarnings(env: readonly EnvVar[], field: string, warn: Warn): void {
  const seen = new Set<string>()
  for (const [i, { name, value = '', valueFrom }] of env.entries()) {
    const reference = `$(${name})`
    // A variable made of its own earlier value is meant to hide it.
    const meant = !valueFrom && value !== reference && value.includes(reference)
    if (seen.has(name) && !meant)
      warn(`${field}[${i}]: hides previous definition of "${name}", which may be dropped when using apply`)
    seen.add(name)
  }
}

/** Ports are compared with each other so often and no more: what is found then fills every Warning header many times over. */
const COMPARISONS_MAX = 10_000

/** All containers of a pod share its address, so their ports are looked at together. */
function portWarnings(containers: readonly [Container, string][], warn: Warn): void {
  const seen = new Map<string, { port: ContainerPort; field: string }[]>()
  let comparisons = 0
  for (const [{ ports = [] }, where] of containers) {
    for (const [i, port] of ports.entries()) {
      const field = `${where}.ports[${i}]`
      const number = `${port.containerPort}/${port.protocol}`
      const others = seen.get(number) ?? []
      for (const other of others) {
        if (++comparisons > COMPARISONS_MAX) return
        const how = clash(port, other.port)
        if (how) warn(`${field}: ${how} port definition with ${other.field}`)
      }
      others.push({ port, field })
      seen.set(number, others)
    }
  }
}

/** How two ports of one number and protocol get into each other's way. */
function clash(a: ContainerPort, b: ContainerPort): string | undefined {
  const { hostIP = '', hostPort = 0 } = a
  const { hostIP: otherIP = '', hostPort: otherPort = 0 } = b
  if (hostIP === otherIP && hostPort === otherPort) return 'duplicate'
  if (hostPort === 0 || otherPort === 0) return 'overlapping'
  return hostPort === otherPort && (hostIP === '') !== (otherIP === '') ? 'dangerously ambiguous' : undefined
}
