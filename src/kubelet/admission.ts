/**
 * Which pods this node takes. Pure. A pod that is bound to it and refused here ends at once: phase Failed, the reason, and
 * `Pod was rejected: ` before the message, as the kubelet of Kubernetes does it, in its words.
 */
import type { Container, Pod, SecurityContext } from '../api/types/core-v1.gen.ts'
import type { PodView, Rejection } from './pod-view.ts'
import type { SecurityFeature } from './runtime.ts'
import { unmetSettings } from './security.ts'

type SysctlScope = 'IPC' | 'Net'

/** What a pod may set because it changes nothing outside the pod (Kubernetes documentation: "Using sysctls in a Cluster"). */
const SAFE_SYSCTLS: ReadonlyMap<string, SysctlScope> = new Map([
  ['kernel.shm_rmid_forced', 'IPC'],
  ...[
    'ip_local_port_range',
    'tcp_syncookies',
    'ping_group_range',
    'ip_unprivileged_port_start',
    'ip_local_reserved_ports',
    'tcp_keepalive_time',
    'tcp_fin_timeout',
    'tcp_keepalive_intvl',
    'tcp_keepalive_probes',
    'tcp_rmem',
    'tcp_wmem',
  ].map((name): [string, SysctlScope] => [`net.ipv4.${name}`, 'Net']),
])

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'

/** Why the pod is refused; undefined when it is not. */
export function admissionRefusal(pod: Pod): Rejection | undefined {
  if (pod.spec.os?.name !== undefined && pod.spec.os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" }
  const sysctl = sysctlTrouble(pod)
  if (sysctl) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${sysctl}` }
  if (asksForAppArmor(pod))
    return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' }
  return undefined
}

function sysctlTrouble({ spec }: Pod): string | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const dotted = withDots(name)
    const scope = SAFE_SYSCTLS.get(dotted)
    if (!scope) return `${JSON.stringify(dotted)} not allowlisted`
    if (scope === 'IPC' ? spec.hostIPC : spec.hostNetwork)
      return `${JSON.stringify(dotted)} not allowed with host ${scope} enabled`
  }
  return undefined
}

/**
 * A name may be written with slashes, and dots are then part of its words: which of the two separates is the one that comes
 * first. `net/ipv4/conf/eno2.100/rp_filter` -> `net.ipv4.conf.eno2/100.rp_filter`
 */
function withDots(name: string): string {
  if (name.search(/[./]/) < 0 || name[name.search(/[./]/)] === '.') return name
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))
}

/** A profile other than Unconfined, by the field of the container, of the pod, or by the annotation from before there were fields. */
function asksForAppArmor({ metadata, spec }: Pod): boolean {
  const ofPod = spec.securityContext?.appArmorProfile?.type
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name, securityContext }: Container) => {
    const own: SecurityContext['appArmorProfile'] = securityContext?.appArmorProfile
    const annotation = metadata.annotations?.[`${APPARMOR_ANNOTATION}${name}`]
    const type = own?.type ?? ofPod ?? (annotation === 'unconfined' ? 'Unconfined' : annotation)
    return type !== undefined && type !== '' && type !== 'Unconfined'
  })
}

/**
 * The Warning event that a pod gets once, when this node first sees it: why it is refused, or which of its settings are not
 * obeyed here. undefined: there is nothing to say.
 */
export function receptionWarning(view: PodView, unenforced: ReadonlySet<SecurityFeature>): Rejection | undefined {
  const { rejected, sandbox, terminalStatus } = view
  if (sandbox.state !== 'none' || terminalStatus !== 'none') return undefined
  if (rejected) return rejected
  const unmet = unmetSettings(view.pod, unenforced)
  if (unmet.length === 0) return undefined
  return { reason: 'SecurityNotEnforced', message: `This node cannot obey ${unmet.join('; ')}: the pod runs without.` }
}
