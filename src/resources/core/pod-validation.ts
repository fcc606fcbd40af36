/**
 * Rules of a pod's spec, with Kubernetes' paths and messages. This file has the spec itself; what is in it has files of its own:
 * containers, env, probes (with lifecycle hooks), volumes, scheduling, security. All functions append to `errors`.
 */
import { addErrors, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors, subdomainErrors } from '../../api/names.ts'
import type { Pod, PodSpec, PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { INVALID_IP, ipVersion } from '../addresses.ts'
import { containersErrors, type SpecOwner } from './container-validation.ts'
import { annotationErrors, labelMapErrors } from './label-validation.ts'
import { schedulingErrors } from './scheduling-validation.ts'
import { podSecurityErrors } from './security-validation.ts'
import { volumesErrors } from './volume-validation.ts'

// Printed in this order, unlike most lists of supported values.
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never']
/** On pods that show one which runs from a file on its node. */
export const MIRROR = 'kubernetes.io/config.mirror'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const DEADLINE_SECONDS_MAX = 2_147_483_647
const NAMESERVERS_MAX = 3
const SEARCHES_MAX = 32
const SEARCH_LIST_LENGTH_MAX = 2048

/** A new pod. */
export function podCreateErrors(pod: Pod): FieldError[] {
  const errors = podErrors(pod)
  if (pod.spec.ephemeralContainers?.length) {
    errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'))
  }
  if (pod.spec.nodeName && pod.spec.schedulingGates?.length) {
    errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  }
  return errors
}

/** What holds for a pod at all times, new or changed. */
export function podErrors({ metadata, spec }: Pod): FieldError[] {
  const errors = podSpecErrors(spec, 'spec', 'pod')
  podAnnotationErrors(metadata.annotations, spec, 'metadata.annotations', errors)
  return errors
}

/** Annotations that mean something to Kubernetes itself. */
function podAnnotationErrors(
  annotations: Readonly<Record<string, string>> | undefined,
  spec: PodSpec | undefined,
  field: string,
  errors: FieldError[],
): void {
  const mirror = annotations?.[MIRROR]
  if (mirror !== undefined && !spec?.nodeName) {
    errors.push(invalid(`${field}[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'))
  }
  const cost = annotations?.[DELETION_COST]
  if (cost !== undefined && !isDeletionCost(cost)) {
    errors.push(invalid(`${field}[${DELETION_COST}]`, cost, 'must be a 32bit integer'))
  }
}

/** How dear a pod is to its ReplicaSet when there are too many: a whole number written without frills. */
function isDeletionCost(text: string): boolean {
  return /^(0|[1-9]\d*|-\d+)$/.test(text) && Math.abs(Number(text) + 0.5) < 2 ** 31
}

/** A template of pods at `field`; its metadata's labels and annotations too. */
export function podTemplateErrors(template: PodTemplateSpec, field: string): FieldError[] {
  const errors: FieldError[] = []
  const { labels, annotations } = template.metadata ?? {}
  labelMapErrors(labels, `${field}.labels`, errors)
  annotationErrors(annotations, `${field}.annotations`, errors)
  const { spec } = template
  podAnnotationErrors(annotations, spec, `${field}.annotations`, errors)
  if (spec) addErrors(errors, podSpecErrors(spec, `${field}.spec`, 'template'))
  if (spec?.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
  }
  return errors
}

function podSpecErrors(spec: PodSpec, field: string, owner: SpecOwner): FieldError[] {
  const errors: FieldError[] = []
  const volumes = volumesErrors(spec, `${field}.volumes`, errors, owner)
  containersErrors(spec, field, { volumes, owner }, errors)
  policyErrors(spec, field, errors)
  labelMapErrors(spec.nodeSelector, `${field}.nodeSelector`, errors)
  podSecurityErrors(spec, field, errors)
  schedulingErrors(spec, field, errors)
  dnsErrors(spec, field, errors)
  nameErrors(spec, field, errors)
  aliasErrors(spec, field, errors)
  deadlineErrors(spec, field, errors)
  osErrors(spec, field, errors)
  return errors
}

function policyErrors(spec: PodSpec, field: string, errors: FieldError[]): void {
  const { restartPolicy, dnsPolicy, preemptionPolicy: preemption } = spec
  if (!restartPolicy) errors.push(required(`${field}.restartPolicy`))
  else if (!RESTART_POLICIES.includes(restartPolicy)) {
    errors.push(notSupported(`${field}.restartPolicy`, restartPolicy, RESTART_POLICIES))
  }
  if (!dnsPolicy) errors.push(required(`${field}.dnsPolicy`))
  else if (!DNS_POLICIES.includes(dnsPolicy)) errors.push(notSupported(`${field}.dnsPolicy`, dnsPolicy, DNS_POLICIES))
  if (preemption !== undefined && !PREEMPTION_POLICIES.includes(preemption)) {
    errors.push(notSupported(`${field}.preemptionPolicy`, preemption, PREEMPTION_POLICIES))
  }
}

function deadlineErrors({ activeDeadlineSeconds: seconds }: PodSpec, field: string, errors: FieldError[]): void {
  if (seconds === undefined || (seconds >= 1 && seconds <= DEADLINE_SECONDS_MAX)) return
  const why = `must be between 1 and ${DEADLINE_SECONDS_MAX}, inclusive`
  errors.push(invalid(`${field}.activeDeadlineSeconds`, seconds, why))
}

function osErrors({ os }: PodSpec, field: string, errors: FieldError[]): void {
  if (!os) return
  if (!os.name) errors.push(required(`${field}.os.name`, 'cannot be empty'))
  else if (os.name !== 'linux' && os.name !== 'windows') {
    errors.push(notSupported(`${field}.os`, os.name, ['linux', 'windows']))
  }
}

function nameErrors(spec: PodSpec, field: string, errors: FieldError[]): void {
  const check = (name: string, value: string | undefined, rule: (value: string) => readonly string[]) => {
    if (value) for (const message of rule(value)) errors.push(invalid(`${field}.${name}`, value, message))
  }
  check('serviceAccountName', spec.serviceAccountName, subdomainErrors)
  check('nodeName', spec.nodeName, subdomainErrors)
  check('hostname', spec.hostname, labelNameErrors)
  check('subdomain', spec.subdomain, labelNameErrors)
  check('priorityClassName', spec.priorityClassName, subdomainErrors)
  check('runtimeClassName', spec.runtimeClassName, subdomainErrors)
}

function aliasErrors({ hostAliases }: PodSpec, field: string, errors: FieldError[]): void {
  for (const [i, { ip, hostnames }] of (hostAliases ?? []).entries()) {
    const at = `${field}.hostAliases[${i}]`
    if (!ipVersion(ip ?? '')) errors.push(invalid(`${at}.ip`, ip ?? '', INVALID_IP))
    for (const [j, name] of (hostnames ?? []).entries()) {
      for (const message of subdomainErrors(name)) errors.push(invalid(`${at}.hostnames[${j}]`, name, message))
    }
  }
}

function dnsErrors({ dnsPolicy, dnsConfig }: PodSpec, field: string, errors: FieldError[]): void {
  const at = `${field}.dnsConfig`
  const nameservers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return void errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'))
    if (nameservers.length === 0) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      return void errors.push(required(`${at}.nameservers`, why))
    }
  }
  if (!dnsConfig) return
  if (nameservers.length > NAMESERVERS_MAX) {
    errors.push(invalid(`${at}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`))
  }
  for (const [i, address] of nameservers.entries()) {
    if (!ipVersion(address)) errors.push(invalid(`${at}.nameservers[${i}]`, address, INVALID_IP))
  }
  const searches = dnsConfig.searches ?? []
  if (searches.length > SEARCHES_MAX) {
    errors.push(invalid(`${at}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`))
  }
  if (searches.join(' ').length > SEARCH_LIST_LENGTH_MAX) {
    const why = `must not have more than ${SEARCH_LIST_LENGTH_MAX} characters (including spaces) in the search list`
    errors.push(invalid(`${at}.searches`, searches, why))
  }
  for (const [i, option] of (dnsConfig.options ?? []).entries()) {
    if (!option.name) errors.push(required(`${at}.options[${i}]`, 'must not be empty'))
  }
}
