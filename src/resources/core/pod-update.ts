/** What may change in a pod once it exists: images, a shorter deadline, more tolerations, fewer gates; ephemeral containers by their subresource. */

import { duplicate, type FieldError, forbiddenField, invalid, required } from '../../api/field-error.ts'
import { jsonKey } from '../../api/json-equal.ts'
import { qualifiedNameErrors, subdomainErrors } from '../../api/names.ts'
import type { Container, Pod, PodSpec, PodStatus, Toleration } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import { INVALID_IP, ipVersion } from '../addresses.ts'
import { byName, sameJson } from '../compare.ts'
import { goText } from '../go-form.ts'
import { unifiedDiff } from '../unified-diff.ts'
import { qosClass } from './pod-qos.ts'
import { MIRROR, podErrors } from './pod-validation.ts'

const DEADLINE_SECONDS_MAX = 2_147_483_647
const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
const COUNT = 'pod updates may not add or remove containers'

/** PUT and PATCH of the pod itself. */
export function podUpdateErrors(pod: Pod, old: Pod): FieldError[] {
  const { spec } = pod
  const errors = podErrors(pod)
  mirrorErrors(pod, old, errors)
  for (const key of ['containers', 'initContainers'] as const) {
    if (!imageUpdateErrors(spec[key] ?? [], old.spec[key] ?? [], `spec.${key}`, errors)) return errors
  }
  if (!deadlineErrors(spec, old.spec, errors)) return errors
  tolerationErrors(spec.tolerations ?? [], old.spec.tolerations ?? [], errors)
  gateErrors(spec, old.spec, errors)
  const allowed = withAllowedChanges(spec, old.spec)
  if (!sameJson(allowed, old.spec)) {
    const diff = unifiedDiff(goText(old.spec, 'PodSpec'), goText(allowed, 'PodSpec'))
    if (diff) errors.push(forbiddenField('spec', `${CHANGEABLE}\n${diff}`))
  }
  return errors
}

/** False: the lists cannot be compared any further. */
function imageUpdateErrors(
  containers: readonly Container[],
  old: readonly Container[],
  field: string,
  errors: FieldError[],
): boolean {
  if (containers.length !== old.length) {
    errors.push(forbiddenField(field, COUNT))
    return false
  }
  for (const [i, { image = '' }] of containers.entries()) {
    if (image === '') errors.push(required(`${field}[${i}].image`))
    else if (image.trim() !== image) {
      errors.push(invalid(`${field}[${i}].image`, image, 'must not have leading or trailing whitespace'))
    }
  }
  return true
}

/** What shows a pod of a node's own stays what it is. */
function mirrorErrors({ metadata }: Pod, old: Pod, errors: FieldError[]): void {
  const before = old.metadata.annotations?.[MIRROR]
  const after = metadata.annotations?.[MIRROR]
  if (before === after) return
  const verb = before === undefined ? 'add' : 'remove or update'
  errors.push(forbiddenField(`metadata.annotations[${MIRROR}]`, `may not ${verb} mirror pod annotation`))
}

/** False: nothing more is said. */
function deadlineErrors(spec: PodSpec, old: PodSpec, errors: FieldError[]): boolean {
  const field = 'spec.activeDeadlineSeconds'
  const after = spec.activeDeadlineSeconds
  const before = old.activeDeadlineSeconds
  if (after === undefined) {
    if (before !== undefined) errors.push(invalid(field, null, 'must not update from a positive integer to nil value'))
    return true
  }
  if (after < 0 || after > DEADLINE_SECONDS_MAX) {
    errors.push(invalid(field, after, `must be between 0 and ${DEADLINE_SECONDS_MAX}, inclusive`))
    return false
  }
  if (before === undefined || before >= after) return true
  errors.push(invalid(field, after, 'must be less than or equal to previous value'))
  return false
}

function gateErrors(spec: PodSpec, old: PodSpec, errors: FieldError[]): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name))
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (before.has(name)) continue
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`
    errors.push(forbiddenField(`spec.schedulingGates[${i}].name`, why))
  }
}

function tolerationErrors(after: readonly Toleration[], before: readonly Toleration[], errors: FieldError[]): void {
  if (sameJson(after, before)) return
  const key = (toleration: Toleration) => jsonKey({ ...toleration, tolerationSeconds: undefined })
  const kept = new Set(after.map(key))
  if (before.every((toleration) => kept.has(key(toleration)))) return
  errors.push(
    forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
  )
}

/** The new spec with everything that may change put back: what still differs is forbidden. */
function withAllowedChanges(spec: PodSpec, old: PodSpec): PodSpec {
  const images = (list: readonly Container[] | undefined, before: readonly Container[] | undefined) =>
    list?.map((container, i) => sharing(container, before?.[i] ?? container, ['image']))
  const { containers, initContainers } = spec
  const shared = ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const
  const out = {
    ...sharing(spec, old, shared),
    containers: images(containers, old.containers) ?? [],
    ...(initContainers ? { initContainers: images(initContainers, old.initContainers) ?? [] } : {}),
  }
  const grown = spec.terminationGracePeriodSeconds === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0
  if (grown) Object.assign(out, { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds })
  // Kept in two fields for old clients; only one of them is compared.
  Object.assign(out, { serviceAccount: old.serviceAccount })
  return (old.schedulingGates?.length ?? 0) > 0 ? sharing(out, old, gatedKeys(spec, old)) : out
}

/** A pod that waits behind a gate may still be told more about where it may run. */
function gatedKeys(spec: PodSpec, old: PodSpec): ('nodeSelector' | 'affinity')[] {
  const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => own(spec.nodeSelector, key) === value)
  return kept ? ['nodeSelector', 'affinity'] : ['affinity']
}

/** A copy of `value` that has `from`'s members under these keys, absence included. */
function sharing<T extends object>(value: T, from: T, keys: readonly (keyof T)[]): T {
  const out = { ...value }
  for (const key of keys) {
    if (from[key] === undefined) delete out[key]
    else out[key] = from[key]
  }
  return out
}

/** PUT and PATCH of pods/ephemeralcontainers: there can be more of them, never others or fewer. */
export function ephemeralUpdateErrors(pod: Pod, old: Pod): FieldError[] {
  const errors = podErrors(pod)
  const field = 'spec.ephemeralContainers'
  const present = new Map((pod.spec.ephemeralContainers ?? []).map((c) => [c.name, c]))
  for (const before of old.spec.ephemeralContainers ?? []) {
    const after = present.get(before.name)
    const name = JSON.stringify(before.name)
    if (!after) errors.push(forbiddenField(field, `existing ephemeral containers ${name} may not be removed\n`))
    else if (!sameJson(after, before)) {
      const diff = unifiedDiff(goText(before, 'EphemeralContainer'), goText(after, 'EphemeralContainer'))
      errors.push(forbiddenField(field, `existing ephemeral containers ${name} may not be changed\n${diff}`))
    }
  }
  return errors
}

/** The old spec with the new spec's resources, container by container. */
export function resized(spec: PodSpec, old: PodSpec): PodSpec {
  const each = (list: readonly Container[] | undefined, wanted: readonly Container[] | undefined) => {
    const wantedByName = byName(wanted)
    return list?.map((container) => {
      const asked = wantedByName.get(container.name)
      return asked ? sharing(container, asked, ['resources', 'resizePolicy']) : container
    })
  }
  const { initContainers } = old
  return {
    ...old,
    containers: each(old.containers, spec.containers) ?? [],
    ...(initContainers ? { initContainers: each(initContainers, spec.initContainers) ?? [] } : {}),
  }
}

/** PUT and PATCH of pods/resize. */
export function resizeErrors(pod: Pod, old: Pod): FieldError[] {
  const errors = podErrors(pod)
  const before = old.status?.qosClass ?? qosClass(old.spec)
  if (qosClass(pod.spec) !== before) {
    errors.push(invalid('spec', before, 'Pod QOS Class may not change as a result of resizing'))
  }
  return errors
}

/** PUT and PATCH of pods/status. */
export function podStatusErrors(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = []
  const status = pod.status ?? {}
  const before = old.status ?? {}
  mirrorErrors(pod, old, errors)
  for (const [i, { type }] of (status.conditions ?? []).entries()) {
    // The path is Kubernetes' own, wrong as it is.
    for (const message of qualifiedNameErrors(type))
      errors.push(invalid(`metadata.conditions[${i}].Type`, type, message))
  }
  if (status.nominatedNodeName && status.nominatedNodeName !== before.nominatedNodeName) {
    for (const message of subdomainErrors(status.nominatedNodeName)) {
      errors.push(invalid('status.nominatedNodeName', status.nominatedNodeName, message))
    }
  }
  if (before.qosClass && status.qosClass !== before.qosClass) {
    errors.push(invalid('status.qosClass', status.qosClass ?? '', 'field is immutable'))
  }
  statusListErrors(pod, { status, before }, errors)
  addressErrors(status, errors)
  return errors
}

const ONE_PER_FAMILY = 'may specify no more than one IP for each IP family'

function addressErrors({ podIPs = [], hostIP = '', hostIPs = [] }: PodStatus, errors: FieldError[]): void {
  if (hostIPs.length > 0 && hostIPs[0]?.ip !== hostIP) {
    errors.push(invalid('status.hostIPs[0].ip', hostIPs[0]?.ip ?? '', 'must be equal to `hostIP`'))
  }
  for (const [key, list] of Object.entries({ podIPs, hostIPs })) {
    const field = `status.${key}`
    const seen = new Set<string>()
    for (const [i, { ip = '' }] of list.entries()) {
      if (!ipVersion(ip)) errors.push(invalid(`${field}[${i}]`, ip, INVALID_IP))
      else if (seen.has(ip)) errors.push(duplicate(`${field}[${i}]`, { IP: ip }))
      seen.add(ip)
    }
    const families = new Set(list.map(({ ip = '' }) => ipVersion(ip)))
    if (families.size < list.length) {
      const shown = list.map(({ ip = '' }) => ({ IP: ip }))
      errors.push(invalid(field, shown, ONE_PER_FAMILY))
    }
  }
}

/** A container that has ended for good stays ended. Which one that is depends on its kind. */
function statusListErrors(
  { spec }: Pod,
  { status, before }: { status: PodStatus; before: PodStatus },
  errors: FieldError[],
): void {
  const sidecars = new Set(spec.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name))
  for (const key of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    // Nothing ever starts an ephemeral container again.
    const policy = key === 'ephemeralContainerStatuses' ? 'Never' : spec.restartPolicy
    if (policy === 'Always') continue
    const statuses = byName(status[key])
    for (const [i, { name, state }] of (before[key] ?? []).entries()) {
      const ended = state?.terminated
      if (!ended || (ended.exitCode !== 0 && policy === 'OnFailure')) continue
      if (key === 'initContainerStatuses' && sidecars.has(name)) continue
      const after = statuses.get(name)
      if (!after || after.state?.terminated) continue
      errors.push(forbiddenField(`status.${key}[${i}].state`, 'may not be transitioned to non-terminated state'))
    }
  }
}
