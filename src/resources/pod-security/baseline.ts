/** The checks of the baseline standard. Source: "Pod Security Standards" of the documentation; the words are Kubernetes'. */
import type { LifecycleHandler, Probe } from '../../api/types/core-v1.gen.ts'
import {
  type AnyContainer,
  type Check,
  containersOf,
  distinct,
  named,
  namesOf,
  plural,
  quoted,
  type Subject,
  setters,
  type Verdict,
} from './subject.ts'

const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'
const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/'

/** Types of AppArmor and seccomp profiles that protect. */
const PROFILES = ['RuntimeDefault', 'Localhost']
export const isProfile = (type: string): boolean => PROFILES.includes(type)

export function appArmorProfile({ annotations, spec }: Subject): Verdict {
  const bad = (type: string | undefined) => type !== undefined && !isProfile(type)
  const podType = spec.securityContext?.appArmorProfile?.type
  const typeOf = (container: AnyContainer) => container.securityContext?.appArmorProfile?.type
  const containers = namesOf(spec, (container) => bad(typeOf(container)))
  const types = distinct([podType, ...containersOf(spec).map(typeOf)].filter(bad) as string[])
  const allowed = (value: string) => value === '' || value === 'runtime/default' || value.startsWith('localhost/')
  const noted = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(APP_ARMOR_ANNOTATION) && !allowed(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
  const values = [...types, ...noted]
  if (values.length === 0) return undefined
  const who = [setters(bad(podType), containers), noted.length ? plural(noted.length, 'annotation') : '']
  return {
    reason: plural(values.length, 'forbidden AppArmor profile'),
    detail: `${who.filter(Boolean).join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  }
}

const DEFAULT_CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/** `container "a" must not include "X" in securityContext.capabilities.add`, or '' when nobody adds anything else. */
export function addedCapabilities({ spec }: Subject, allowed: readonly string[]): string {
  const forbidden = ({ securityContext }: AnyContainer) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !allowed.includes(name))
  const names = namesOf(spec, (container) => forbidden(container).length > 0)
  if (names.length === 0) return ''
  const added = quoted(distinct(containersOf(spec).flatMap(forbidden)))
  return `${named('container', names)} must not include ${added} in securityContext.capabilities.add`
}

export function capabilities(subject: Subject): Verdict {
  const detail = addedCapabilities(subject, DEFAULT_CAPABILITIES)
  return detail ? { reason: 'non-default capabilities', detail } : undefined
}

export function hostNamespaces({ spec }: Subject): Verdict {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name])
  const detail = shared.map((name) => `${name}=true`).join(', ')
  return detail ? { reason: 'host namespaces', detail } : undefined
}

export function hostPathVolumes({ spec }: Subject): Verdict {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath).map(({ name }) => name)
  return names.length ? { reason: 'hostPath volumes', detail: named('volume', names) } : undefined
}

export function hostPorts({ spec }: Subject): Verdict {
  const portsOf = ({ ports }: AnyContainer) =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [`${hostPort}`] : []))
  const names = namesOf(spec, (container) => portsOf(container).length > 0)
  if (names.length === 0) return undefined
  const ports = distinct(containersOf(spec).flatMap(portsOf))
  const uses = `${plural(names.length, 'uses', 'use')} ${plural(ports.length, 'hostPort')} ${ports.join(', ')}`
  return { reason: 'hostPort', detail: `${named('container', names)} ${uses}` }
}

export function hostProbesAndLifecycle({ spec }: Subject): Verdict {
  const hostsIn = (handler: Probe | LifecycleHandler | undefined) =>
    [handler?.httpGet?.host, handler?.tcpSocket?.host].flatMap((host) => (host ? [host] : []))
  const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer) =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap(hostsIn)
  const names = distinct(namesOf(spec, (container) => hostsOf(container).length > 0))
  if (names.length === 0) return undefined
  const hosts = named('probe or lifecycle host', distinct(containersOf(spec).flatMap(hostsOf)))
  const uses = plural(names.length, 'uses', 'use')
  return { reason: 'probe or lifecycle host', detail: `${named('container', names)} ${uses} ${hosts}` }
}

export function privileged({ spec }: Subject): Verdict {
  const names = namesOf(spec, ({ securityContext }) => securityContext?.privileged === true)
  if (names.length === 0) return undefined
  return { reason: 'privileged', detail: `${named('container', names)} must not set securityContext.privileged=true` }
}

export function procMount({ spec }: Subject): Verdict {
  const bad = (type: string | undefined) => type !== undefined && type !== 'Default'
  const names = namesOf(spec, ({ securityContext }) => bad(securityContext?.procMount))
  if (names.length === 0) return undefined
  const types = containersOf(spec).flatMap(({ securityContext }) => securityContext?.procMount ?? [])
  const set = `must not set securityContext.procMount to ${quoted(distinct(types.filter(bad)))}`
  return { reason: 'procMount', detail: `${named('container', names)} ${set}` }
}

export const seLinuxOptions =
  (types: readonly string[]): Check =>
  ({ spec }) => {
    const optionsOf = (context: { readonly seLinuxOptions?: SELinux } | undefined) => context?.seLinuxOptions ?? {}
    const badType = ({ type = '' }: SELinux) => type !== '' && !types.includes(type)
    const bad = (options: SELinux) => badType(options) || Boolean(options.user) || Boolean(options.role)
    const pod = optionsOf(spec.securityContext)
    const names = namesOf(spec, ({ securityContext }) => bad(optionsOf(securityContext)))
    const who = setters(bad(pod), names)
    if (!who) return undefined
    const all = [pod, ...containersOf(spec).map(({ securityContext }) => optionsOf(securityContext))]
    const badTypes = distinct(all.filter(badType).map(({ type = '' }) => type))
    const what = [
      ...(badTypes.length ? [named('type', badTypes)] : []),
      ...(all.some(({ user }) => user) ? ['user may not be set'] : []),
      ...(all.some(({ role }) => role) ? ['role may not be set'] : []),
    ]
    const detail = `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`
    return { reason: 'seLinuxOptions', detail }
  }

interface SELinux {
  readonly type?: string
  readonly user?: string
  readonly role?: string
}

/** Until 1.18, when seccomp was asked for by annotations. */
export function seccompAnnotations({ annotations, spec }: Subject): Verdict {
  const allowed = (value: string) =>
    value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')
  const keys = [SECCOMP_POD_ANNOTATION, ...containersOf(spec).map(({ name }) => SECCOMP_ANNOTATION + name)]
  const set = keys.flatMap((key) => {
    const value = annotations[key]
    return value === undefined || allowed(value) ? [] : [`${key}=${JSON.stringify(value)}`]
  })
  const bad = distinct(set)
  if (bad.length === 0) return undefined
  return { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation')} ${bad.join(', ')}` }
}

export function seccompProfile({ spec }: Subject): Verdict {
  const bad = (type: string | undefined) => type !== undefined && !isProfile(type)
  const typeOf = (container: AnyContainer) => container.securityContext?.seccompProfile?.type
  const podType = spec.securityContext?.seccompProfile?.type
  const who = setters(
    bad(podType),
    namesOf(spec, (container) => bad(typeOf(container))),
  )
  if (!who) return undefined
  const types = distinct([podType, ...containersOf(spec).map(typeOf)].filter(bad) as string[])
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}`,
  }
}

export const sysctls =
  (allowed: readonly string[]): Check =>
  ({ spec }) => {
    const names = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name))
    return names.length ? { reason: 'forbidden sysctls', detail: names.join(', ') } : undefined
  }

export function windowsHostProcess({ spec }: Subject): Verdict {
  const pod = spec.securityContext?.windowsOptions?.hostProcess === true
  const who = setters(
    pod,
    namesOf(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true),
  )
  if (!who) return undefined
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` }
}
