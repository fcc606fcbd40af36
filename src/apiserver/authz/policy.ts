/**
 * The roles and bindings of rbac.authorization.k8s.io that are in force: those that are stored, and of the default ones those
 * that are not stored yet. Bindings are found by their subjects, so that a cluster of many bindings costs a request nothing.
 */
import type { KubernetesObject } from '../../api/object.ts'
import { follow } from '../../registry/follow.ts'
import type { Registry } from '../../registry/registry.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import type { Rule } from './authorizer.ts'

const GROUP = 'rbac.authorization.k8s.io'

export interface RoleRef {
  readonly kind: string
  readonly name: string
}

export interface Subject {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

export interface Binding extends KubernetesObject {
  readonly roleRef?: RoleRef
  readonly subjects?: readonly Subject[]
}

/** A binding with the subject by which it concerns a user. */
export interface Grant {
  readonly binding: Binding
  readonly subject: Subject
}

/** What every cluster begins with: asked for what is not stored, until all of it was. */
export interface Defaults {
  readonly stored: boolean
  find(plural: string, namespace: string, name: string): KubernetesObject | undefined
  all(plural: string): readonly KubernetesObject[]
}

export interface Policy {
  /** Those that bind the user in the whole cluster. */
  clusterGrants(user: UserInfo): Iterable<Grant>
  /** Those that bind the user in the namespace. */
  grants(user: UserInfo, namespace: string): Iterable<Grant>
  /** undefined: there is no such role. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly Rule[] | undefined
}

type Index = Map<string, Grant[]>

const NO_GRANTS: readonly Grant[] = []

/** Without these kinds it holds nothing. */
export function createPolicy(registry: Registry, defaults?: Defaults): Policy {
  const present = (plural: string, namespace: string, name: string) => {
    const resource = registry.find(GROUP, 'v1', plural)
    const stored = resource && registry.peek(resource, namespace, name)?.object
    return stored ?? (defaults?.stored === false ? defaults.find(plural, namespace, name) : undefined)
  }
  const clusterWide = indexed(registry, 'clusterrolebindings', defaults)
  const namespaced = indexed(registry, 'rolebindings', defaults)
  return {
    clusterGrants: (user) => concerning(clusterWide(''), user),
    grants: (user, namespace) => concerning(namespaced(namespace), user),
    rulesOf({ kind, name }, namespace) {
      const role = kind === 'ClusterRole' ? present('clusterroles', '', name) : present('roles', namespace, name)
      return role && ((role as { rules?: readonly Rule[] | null }).rules ?? [])
    },
  }
}

/** The index of a namespace's bindings ('' for those of the cluster), made when it is asked for and forgotten with a change. */
function indexed(registry: Registry, plural: string, defaults: Defaults | undefined): (namespace: string) => Index {
  const resource = registry.find(GROUP, 'v1', plural)
  if (!resource) return () => new Map()
  const known = follow<Map<string, Index>>(registry, resource, {
    begin: () => new Map(),
    changed: (indexes, _type, { metadata }) => void indexes.delete(metadata.namespace ?? ''),
  })
  // The defaults count no more when they are all stored, which changes nothing that is published.
  let withDefaults = defaults?.stored === false
  return (namespace) => {
    const indexes = known()
    if (withDefaults && defaults?.stored) {
      withDefaults = false
      indexes.clear()
    }
    let index = indexes.get(namespace)
    if (!index) {
      const missing = withDefaults ? (defaults?.all(plural) ?? []) : []
      const own = missing.filter(
        ({ metadata }) =>
          (metadata.namespace ?? '') === namespace && !registry.peek(resource, namespace, metadata.name ?? ''),
      )
      index = indexOf([...registry.all(resource, namespace), ...own] as readonly Binding[])
      indexes.set(namespace, index)
    }
    return index
  }
}

function indexOf(bindings: readonly Binding[]): Index {
  const index: Index = new Map()
  for (const binding of bindings)
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, binding.metadata.namespace ?? '')
      const grants = index.get(key)
      if (grants) grants.push({ binding, subject })
      else index.set(key, [{ binding, subject }])
    }
  return index
}

/** A service account is a user of a certain name. */
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  if (kind === 'Group') return `group ${name}`
  return kind === 'User' ? `user ${name}` : `user system:serviceaccount:${namespace || bindingNamespace}:${name}`
}

function* concerning(index: Index, user: UserInfo): Iterable<Grant> {
  yield* index.get(`user ${user.name}`) ?? NO_GRANTS
  for (const group of user.groups) yield* index.get(`group ${group}`) ?? NO_GRANTS
}
