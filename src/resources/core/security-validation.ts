/** Rules of security contexts, of pods and of containers. */
import { duplicate, type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import type { PodSpec, SeccompProfile, SecurityContext } from '../../api/types/core-v1.gen.ts'

const ID_MAX = 2_147_483_647
const ID_MESSAGE = `must be between 0 and ${ID_MAX}, inclusive`
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/
const SYSCTL_MESSAGE =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'
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
  if (context.seccompProfile) seccompErrors(context.seccompProfile, `${at}.seccompProfile`, errors)
}

export function containerSecurityErrors(context: SecurityContext, field: string, errors: FieldError[]): void {
  idErrors(context.runAsUser, `${field}.runAsUser`, errors)
  idErrors(context.runAsGroup, `${field}.runAsGroup`, errors)
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      const why = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
      errors.push(invalid(field, context, why))
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const why = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
      errors.push(invalid(field, context, why))
    }
  }
  if (context.seccompProfile) seccompErrors(context.seccompProfile, `${field}.seccompProfile`, errors)
}

function idErrors(id: number | undefined, field: string, errors: FieldError[]): void {
  if (id !== undefined && (id < 0 || id > ID_MAX)) errors.push(invalid(field, id, ID_MESSAGE))
}

function seccompErrors({ type, localhostProfile }: SeccompProfile, field: string, errors: FieldError[]): void {
  if (!type) errors.push(required(`${field}.type`, 'type is required when seccompProfile is set'))
  else if (!PROFILE_TYPES.includes(type)) errors.push(notSupported(`${field}.type`, type, PROFILE_TYPES))
  if (type === 'Localhost') {
    if (!localhostProfile) {
      errors.push(required(`${field}.localhostProfile`, 'must be set when seccomp type is Localhost'))
    }
  } else if (localhostProfile) {
    errors.push(
      invalid(`${field}.localhostProfile`, localhostProfile, 'can only be set when seccomp type is Localhost'),
    )
  }
}
