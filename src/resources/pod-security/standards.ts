/** All checks, with the versions of Kubernetes in which they look as they do, in the order in which their verdicts are told. */
import * as baseline from './baseline.ts'
import type { Standard } from './policy.ts'
import * as restricted from './restricted.ts'
import { type Check, onWindows, ownUsers, type Subject, type Verdict } from './subject.ts'

interface Versioned {
  /** Minor version from which it is this check. */
  readonly since: number
  readonly check: Check
}

interface Row {
  readonly versions: readonly Versioned[]
  /** A restricted check that takes the place of a baseline one, from the version on in which there is one. */
  readonly replaces?: Row
}

const since = (minor: number, check: Check): Versioned => ({ since: minor, check })
const row = (...versions: Versioned[]): Row => ({ versions })
const replacing = (replaces: Row, ...versions: Versioned[]): Row => ({ versions, replaces })

const unless =
  (exempt: (subject: Subject) => boolean, check: Check): Check =>
  (subject) =>
    exempt(subject) ? undefined : check(subject)

const SELINUX_TYPES = ['container_t', 'container_init_t', 'container_kvm_t']
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
]
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports']
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']

const capabilities = row(since(0, baseline.capabilities))
const hostPathVolumes = row(since(0, baseline.hostPathVolumes))
const procMount = row(since(0, baseline.procMount), since(35, unless(ownUsers, baseline.procMount)))
const seccompProfile = row(since(0, baseline.seccompAnnotations), since(19, baseline.seccompProfile))

const BASELINE: readonly Row[] = [
  row(since(0, baseline.appArmorProfile)),
  capabilities,
  row(since(0, baseline.hostNamespaces)),
  hostPathVolumes,
  row(since(0, baseline.hostPorts)),
  row(since(34, baseline.hostProbesAndLifecycle)),
  row(since(0, baseline.privileged)),
  procMount,
  row(
    since(0, baseline.seLinuxOptions(SELINUX_TYPES)),
    since(31, baseline.seLinuxOptions([...SELINUX_TYPES, 'container_engine_t'])),
  ),
  seccompProfile,
  row(
    since(0, baseline.sysctls(SYSCTLS)),
    since(27, baseline.sysctls(SYSCTLS_27)),
    since(29, baseline.sysctls(SYSCTLS_29)),
    since(32, baseline.sysctls(SYSCTLS_32)),
  ),
  row(since(0, baseline.windowsHostProcess)),
]

const RESTRICTED: readonly Row[] = [
  row(since(8, restricted.allowPrivilegeEscalation), since(25, unless(onWindows, restricted.allowPrivilegeEscalation))),
  replacing(capabilities, since(22, restricted.capabilities), since(25, unless(onWindows, restricted.capabilities))),
  replacing(procMount, since(35, baseline.procMount)),
  replacing(hostPathVolumes, since(0, restricted.volumeTypes)),
  row(since(0, restricted.runAsNonRoot), since(35, unless(ownUsers, restricted.runAsNonRoot))),
  row(since(23, restricted.runAsUser), since(35, unless(ownUsers, restricted.runAsUser))),
  replacing(
    seccompProfile,
    since(19, restricted.seccompProfile),
    since(25, unless(onWindows, restricted.seccompProfile)),
  ),
]

const checkAt = ({ versions }: Row, minor: number): Check | undefined =>
  versions.findLast((version) => version.since <= minor)?.check

/** All that a pod breaks of a standard, baseline first. */
export function evaluate({ level, minor }: Standard, subject: Subject): readonly NonNullable<Verdict>[] {
  if (level === 'privileged') return []
  const extra = level === 'restricted' ? RESTRICTED.filter((one) => checkAt(one, minor)) : []
  const rows = [...BASELINE.filter((one) => !extra.some(({ replaces }) => replaces === one)), ...extra]
  return rows.flatMap((one) => checkAt(one, minor)?.(subject) ?? [])
}
