/**
 * What a pod's and a container's securityContext come to. Pure. Rules and words are Kubernetes' (packages securitycontext and
 * kubelet/kuberuntime): a container's own setting goes before its pod's. What cannot be obeyed is refused, or said by an event.
 */
import type { Container, Pod, SecurityContext } from '../api/types/core-v1.gen.ts'
import { longName } from './announce.ts'
import type { ContainerSecurity, ImageUser, SecurityFeature } from './runtime.ts'
import { ConfigError } from './sources.ts'

/** Where a kubelet looks for seccomp profiles of type Localhost. Here there never are any. */
const SECCOMP_FOLDER = '/var/lib/kubelet/seccomp'

/** The container's settings over the pod's, field by field. A field of the pod's that containers do not have is not in it. */
function effectiveContext({ spec }: Pod, { securityContext = {} }: Container): SecurityContext {
  const { seLinuxOptions, runAsUser, runAsGroup, runAsNonRoot, seccompProfile } = spec.securityContext ?? {}
  const fromPod = { seLinuxOptions, runAsUser, runAsGroup, runAsNonRoot, seccompProfile }
  return Object.fromEntries(
    Object.entries({ ...fromPod, ...withoutHoles(securityContext) }).filter(([, value]) => value !== undefined),
  )
}

const withoutHoles = (context: SecurityContext): SecurityContext =>
  Object.fromEntries(Object.entries(context).filter(([, value]) => value !== undefined && value !== null))

/**
 * What the runtime is to give the container. Throws ConfigError where Kubernetes refuses to start it: root, said or by default,
 * under runAsNonRoot.
 */
export function containerSecurity(pod: Pod, container: Container, image: ImageUser): ContainerSecurity {
  const context = effectiveContext(pod, container)
  verifyNonRoot(context, pod, container, image)
  const runAsUser = context.runAsUser ?? (image.uid === 0 ? undefined : image.uid)
  const runAsGroup = context.runAsGroup ?? (context.runAsUser === undefined ? image.gid : undefined)
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: supplementalGroupsOf(pod),
    readOnlyRootFilesystem: context.readOnlyRootFilesystem ?? false,
    noNewPrivileges: context.allowPrivilegeEscalation === false,
    capabilities: {
      add: capabilityNames(context.capabilities?.add),
      drop: capabilityNames(context.capabilities?.drop),
    },
    privileged: context.privileged ?? false,
  }
}

/** The groups that every container of the pod has beside its own; fsGroup, which its volumes belong to, first. */
export function supplementalGroupsOf({ spec }: Pod): readonly number[] {
  const { supplementalGroups = [], fsGroup } = spec.securityContext ?? {}
  return [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups])]
}

const capabilityNames = (names: readonly string[] = []): string[] => [
  ...new Set(names.map((name) => name.toUpperCase().replace(/^CAP_/, ''))),
]

function verifyNonRoot(context: SecurityContext, pod: Pod, { name }: Container, image: ImageUser): void {
  if (!context.runAsNonRoot) return
  const where = `(pod: ${JSON.stringify(longName(pod))}, container: ${name})`
  if (context.runAsUser === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`)
  if (context.runAsUser === undefined && image.uid === 0)
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`)
}

/** Why the runtime of a real node refuses to make the container: a profile that its node has not. undefined: it does not. */
export function createRefusal(pod: Pod, container: Container): string | undefined {
  const { type, localhostProfile } = effectiveContext(pod, container).seccompProfile ?? {}
  if (type !== 'Localhost') return undefined
  const file = `${SECCOMP_FOLDER}/${localhostProfile ?? ''}`
  return `failed to create containerd container: cannot load seccomp profile ${JSON.stringify(file)}: open ${file}: no such file or directory`
}

/**
 * The settings that the pod asks for and this node cannot obey, in words for one event; empty when there are none. What only
 * repeats the default (`privileged: false`, `procMount: Default`) asks for nothing.
 */
export function unmetSettings(pod: Pod, unenforced: ReadonlySet<SecurityFeature>): string[] {
  const { spec } = pod
  const wanted: [SecurityFeature, string][] = []
  for (const feature of ['hostPID', 'hostIPC'] as const) if (spec[feature]) wanted.push([feature, feature])
  if (spec.hostUsers === false) wanted.push(['hostUsers', 'hostUsers: false'])
  const { sysctls = [], fsGroup, supplementalGroups = [] } = spec.securityContext ?? {}
  if (sysctls.length > 0) wanted.push(['sysctls', `sysctls ${sysctls.map(({ name }) => name).join(', ')}`])
  if (fsGroup !== undefined) wanted.push(['supplementalGroups', `fsGroup ${fsGroup}`])
  if (supplementalGroups.length > 0)
    wanted.push(['supplementalGroups', `supplementalGroups ${supplementalGroups.join(', ')}`])
  for (const container of [...(spec.initContainers ?? []), ...spec.containers])
    for (const [feature, text] of wantedBy(effectiveContext(pod, container)))
      wanted.push([feature, `${text} (container ${container.name})`])
  return wanted.filter(([feature]) => unenforced.has(feature)).map(([, text]) => text)
}

function wantedBy(context: SecurityContext): [SecurityFeature, string][] {
  const { runAsUser, runAsGroup, capabilities, procMount, seccompProfile } = context
  const wanted: [SecurityFeature, string][] = []
  const ask = (feature: SecurityFeature, text = feature as string) => wanted.push([feature, text])
  if (runAsUser !== undefined) ask('runAsUser', `runAsUser ${runAsUser}`)
  if (runAsGroup !== undefined) ask('runAsUser', `runAsGroup ${runAsGroup}`)
  if (context.readOnlyRootFilesystem) ask('readOnlyRootFilesystem')
  if (context.allowPrivilegeEscalation === false) ask('allowPrivilegeEscalation', 'allowPrivilegeEscalation: false')
  if (context.privileged) ask('privileged')
  const added = capabilityNames(capabilities?.add)
  const dropped = capabilityNames(capabilities?.drop)
  if (added.length > 0) ask('capabilities', `capabilities.add ${added.join(', ')}`)
  if (added.some((name) => name === 'SYS_ADMIN' || name === 'ALL')) ask('CAP_SYS_ADMIN', 'capability SYS_ADMIN')
  if (dropped.length > 0) ask('capabilities', `capabilities.drop ${dropped.join(', ')}`)
  if (procMount !== undefined && procMount !== 'Default') ask('procMount', `procMount ${procMount}`)
  if (seccompProfile && seccompProfile.type !== 'Unconfined')
    ask('seccompProfile', `seccompProfile ${seccompProfile.type}`)
  if (context.seLinuxOptions) ask('seLinuxOptions')
  return wanted
}
