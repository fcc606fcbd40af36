/** Rules of security contexts, of pods and of containers. */
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../api/types/core-v1.gen.ts'
import { goForm } from '../go-form.ts'

const ID_MAX = 2_147_483_647
const ID_MESSAGE = `must be between 0 and ${ID_MAX}, inclusive`
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/
const SYSCTL_MESSAGE =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'
const POLICIES = Object.entries({
  fsGroupChangePolicy: ['Always', 'OnRootMismatch'],
  supplementalGroupsPolicy: ['Merge', 'Strict'],
  seLinuxChangePolicy: ['MountOption', 'Recursive'],
}) as ['fsGroupChangePolicy' | 'supplementalGroupsPolicy' | 'seLinuxChangePolicy', string[]][]
const PROC_MOUNTS = ['Default', 'Unmasked']
const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined']

export function podSecurityErrors(spec: PodSpec, field: string, errors: FieldError[]): void {
  const context = spec.securityContext ?? {}
  const at = `${field}.securityContext`
  idErrors(context.runAsUser, `${at}.runAsUser`, errors)
  idErrors(context.runAsGroup, `${at}.runAsGroup`, errors)
  idErrors(context.fsGroup, `${at}.fsGroup`, errors)
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) {
    idErrors(group, `${at}.supplementalGroups[${i}]`, errors)
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(invalid(`${field}.shareProcessNamespace`, true, why))
  }
  const names = new Set<string>()
  for (const [i, { name }] of (context.sysctls ?? []).entries()) {
    const where = `${at}.sysctls[${i}].name`
    if (!name) errors.push(required(where))
    else if (name.length > 253 || !SYSCTL.test(name)) errors.push(invalid(where, name, SYSCTL_MESSAGE))
    else if (names.has(name)) errors.push(duplicate(where, name))
    names.add(name)
  }
  for (const [key, supported] of POLICIES) {
    const value = context[key]
    if (value !== undefined && !supported.includes(value)) errors.push(notSupported(`${at}.${key}`, value, supported))
  }
  if (context.seccompProfile) profileErrors(context.seccompProfile, `${at}.seccompProfile`, SECCOMP, errors)
  if (context.appArmorProfile) profileErrors(context.appArmorProfile, `${at}.appArmorProfile`, APP_ARMOR, errors)
  hostUserErrors(spec, field, errors)
}

/** Users of its own, and a namespace of the node's, do not go together. */
function hostUserErrors(spec: PodSpec, field: string, errors: FieldError[]): void {
  if (spec.hostUsers !== false) return
  const why = 'when `pod.Spec.HostUsers` is false'
  if (spec.hostNetwork) errors.push(forbiddenField(`${field}.hostNetwork`, why))
  if (spec.hostPID) errors.push(forbiddenField(`${field}.HostPID`, why))
  if (spec.hostIPC) errors.push(forbiddenField(`${field}.HostIPC`, why))
}

/** `hostUsers`: the pod has the node's users, not its own. */
export function containerSecurityErrors(
  context: SecurityContext,
  field: string,
  hostUsers: boolean,
  errors: FieldError[],
): void {
  idErrors(context.runAsUser, `${field}.runAsUser`, errors)
  idErrors(context.runAsGroup, `${field}.runAsGroup`, errors)
  if (context.procMount && !PROC_MOUNTS.includes(context.procMount)) {
    errors.push(notSupported(`${field}.procMount`, context.procMount, PROC_MOUNTS))
  }
  if (context.procMount === 'Unmasked' && hostUsers) {
    errors.push(invalid(`${field}.procMount`, 'Unmasked', '`hostUsers` must be false to use `Unmasked`'))
  }
  if (context.allowPrivilegeEscalation === false) {
    const shown = goForm(context, 'SecurityContext')
    if (context.privileged) {
      const why = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
      errors.push(invalid(field, shown, why))
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const why = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
      errors.push(invalid(field, shown, why))
    }
  }
  if (context.seccompProfile) profileErrors(context.seccompProfile, `${field}.seccompProfile`, SECCOMP, errors)
  if (context.appArmorProfile) profileErrors(context.appArmorProfile, `${field}.appArmorProfile`, APP_ARMOR, errors)
}

function idErrors(id: number | undefined, field: string, errors: FieldError[]): void {
  if (id !== undefined && (id < 0 || id > ID_MAX)) errors.push(invalid(field, id, ID_MESSAGE))
}

/** What seccomp and AppArmor are called in messages, and how a profile that may not be there is shown. */
interface Confinement {
  readonly name: string
  readonly field: string
  shown(profile: SeccompProfile | AppArmorProfile): unknown
}

const SECCOMP: Confinement = {
  name: 'seccomp',
  field: 'seccompProfile',
  shown: (profile) => goForm(profile, 'Profile'),
}
const APP_ARMOR: Confinement = {
  name: 'AppArmor',
  field: 'appArmorProfile',
  shown: ({ localhostProfile }) => localhostProfile,
}

function profileErrors(
  profile: SeccompProfile | AppArmorProfile,
  field: string,
  { name, field: own, shown }: Confinement,
  errors: FieldError[],
): void {
  const { type, localhostProfile } = profile
  if (!type) errors.push(required(`${field}.type`, `type is required when ${own} is set`))
  else if (!PROFILE_TYPES.includes(type)) errors.push(notSupported(`${field}.type`, type, PROFILE_TYPES))
  const at = `${field}.localhostProfile`
  if (type === 'Localhost') {
    if (!localhostProfile) errors.push(required(at, `must be set when ${name} type is Localhost`))
  } else if (localhostProfile !== undefined) {
    errors.push(invalid(at, shown(profile), `can only be set when ${name} type is Localhost`))
  }
}
