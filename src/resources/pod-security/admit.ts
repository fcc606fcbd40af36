/**
 * The admission plugin PodSecurity: pods are refused or warned of by the labels of their namespace, templates are warned of, and
 * new labels are compared with the pods that are there. Nobody is exempt. There is no audit log for the mode `audit`.
 */
import { invalidObject } from '../../api/field-error.ts'
import type { KubernetesObject } from '../../api/object.ts'
import { forbidden } from '../../api/status.ts'
import type { Namespace, Pod, PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import type { Context } from '../declaration.ts'
import { compareLevels, type Policy, policyOf, type Standard, standardText } from './policy.ts'
import { evaluate } from './standards.ts'
import { type AnyContainer, type Subject, subjectOf } from './subject.ts'

/** Pods of a namespace that are compared with a new label; a warning tells when there are more. */
const PODS_CHECKED_MAX = 3_000

/** `host namespaces (hostPID=true), privileged (container "a" must not ...)`, or '' for what keeps the standard. */
function brokenRules(standard: Standard, subject: Subject): string {
  if (standard.level === 'privileged') return ''
  return evaluate(standard, subject)
    .map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason))
    .join(', ')
}

function policyAround({ metadata }: KubernetesObject, context: Context): Policy {
  return policyOf(context.lookup('', 'namespaces', '', metadata.namespace ?? '')?.metadata.labels).policy
}

function warnOf({ warn }: Policy, subject: Subject, context: Context): void {
  const broken = brokenRules(warn, subject)
  if (broken) context.warn(`would violate PodSecurity "${standardText(warn)}": ${broken}`)
}

/** Throws 403. Of updates only those count that change an image or add a container. */
export function admitPodSecurity(pod: Pod, old: Pod | undefined, context: Context): void {
  if (old && !changesContainers(pod, old)) return
  const policy = policyAround(pod, context)
  const subject = subjectOf(pod)
  const broken = brokenRules(policy.enforce, subject)
  if (broken) {
    const why = `violates PodSecurity "${standardText(policy.enforce)}": ${broken}`
    throw forbidden({ group: '', resource: 'pods' }, pod.metadata.name ?? '', why)
  }
  warnOf(policy, subject, context)
}

function changesContainers({ spec }: Pod, { spec: old }: Pod): boolean {
  const differ = (now: readonly AnyContainer[] = [], then: readonly AnyContainer[] = []) =>
    now.length !== then.length || now.some(({ image }, i) => image !== then[i]?.image)
  if (differ(spec.containers, old.containers) || differ(spec.initContainers, old.initContainers)) return true
  return (spec.ephemeralContainers ?? []).some(({ name, image }) => {
    const before = old.ephemeralContainers?.find((container) => container.name === name)
    return !before || before.image !== image
  })
}

/** Of a kind that makes pods: its pods are refused one by one, its makers hear of it at once. */
export const admitTemplate =
  <T extends KubernetesObject>(templateOf: (object: T) => PodTemplateSpec | undefined) =>
  (object: T, _: T | undefined, context: Context): void => {
    const template = templateOf(object)
    if (template) warnOf(policyAround(object, context), subjectOf(template), context)
  }

/** Throws 422 for labels that cannot be read, unless they were there before. Warns of pods that break what is enforced now. */
export function admitNamespaceLabels(object: Namespace, old: Namespace | undefined, context: Context): void {
  const now = policyOf(object.metadata.labels)
  const before = policyOf(old?.metadata.labels)
  if (now.errors.length > 0 && JSON.stringify(now.errors) !== JSON.stringify(before.errors))
    throw invalidObject({ group: '', resource: 'namespaces', kind: 'Namespace' }, object.metadata.name ?? '', [
      ...now.errors,
    ])
  if (old && isStricter(now.policy.enforce, before.policy.enforce)) warnOfPods(object, now.policy.enforce, context)
}

function isStricter(now: Standard, before: Standard): boolean {
  if (now.level === 'privileged') return false
  return now.minor !== before.minor || compareLevels(now.level, before.level) > 0
}

function warnOfPods({ metadata }: Namespace, enforce: Standard, { list, warn }: Context): void {
  const name = metadata.name ?? ''
  const pods = differentFirst(list('', 'pods', name) as readonly Pod[])
  const checked = pods.slice(0, PODS_CHECKED_MAX)
  const broken = new Map<string, string[]>()
  for (const pod of checked) {
    const reasons = evaluate(enforce, subjectOf(pod)).map(({ reason }) => reason)
    if (reasons.length === 0) continue
    const text = reasons.join(', ')
    broken.set(text, [...(broken.get(text) ?? []), pod.metadata.name ?? ''])
  }
  if (checked.length < pods.length)
    warn(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`,
    )
  if (broken.size > 0)
    warn(`existing pods in namespace "${name}" violate the new PodSecurity enforce level "${standardText(enforce)}"`)
  for (const text of [...broken].map(([reasons, names]) => `${namesText(names)}: ${reasons}`).sort()) warn(text)
}

/** One pod of each controller, then the others: so those that are checked differ most. */
function differentFirst(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>()
  const [first, others]: [Pod[], Pod[]] = [[], []]
  for (const pod of pods) {
    const controller = pod.metadata.ownerReferences?.find((owner) => owner.controller)?.uid
    if (controller && seen.has(controller)) others.push(pod)
    else first.push(pod)
    if (controller) seen.add(controller)
  }
  return [...first, ...others]
}

function namesText(names: string[]): string {
  const [first = ''] = names.sort()
  const others = names.length - 1
  if (others === 0) return first
  return `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`
}
