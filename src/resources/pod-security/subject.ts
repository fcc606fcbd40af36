/** What a check looks at and what it says, and the words that checks share. */
import type { Container, EphemeralContainer, PodSpec, PodTemplateSpec } from '../../api/types/core-v1.gen.ts'

/** A pod or a template of pods. */
export interface Subject {
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: PodSpec
}

/** A broken rule, `{ reason: 'hostPort', detail: 'container "a" uses hostPort 80' }`; undefined: kept. */
export type Verdict = { readonly reason: string; readonly detail: string } | undefined

export type Check = (subject: Subject) => Verdict

export type AnyContainer = Container | EphemeralContainer

export function subjectOf({ metadata, spec }: PodTemplateSpec): Subject {
  return { annotations: metadata?.annotations ?? {}, spec: spec ?? { containers: [] } }
}

/** Of all kinds, in the order in which checks name them. */
export function containersOf(spec: PodSpec): readonly AnyContainer[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
}

/** Names of the containers that break a rule. */
export function namesOf(spec: PodSpec, breaks: (container: AnyContainer) => boolean): string[] {
  return containersOf(spec)
    .filter(breaks)
    .map(({ name }) => name)
}

export const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many)

export const quoted = (items: readonly string[]): string => items.map((item) => `"${item}"`).join(', ')

/** Each once, in order. */
export const distinct = (items: readonly string[]): string[] => [...new Set(items)].sort()

/** `containers "a", "b"` */
export const named = (kind: string, names: readonly string[]): string =>
  `${plural(names.length, kind)} ${quoted(names)}`

/** `pod and container "a"`: who sets what must not be set. */
export function setters(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length ? [named('container', containers)] : [])].join(' and ')
}

/** A pod with user names of its own may do more: its root is nobody outside. */
export const ownUsers = ({ spec }: Subject): boolean => spec.hostUsers === false

/** Most of what restricts means nothing on Windows, and is refused there by validation. */
export const onWindows = ({ spec }: Subject): boolean => spec.os?.name === 'windows'
