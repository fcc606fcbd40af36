/** Roles and bindings of rbac.authorization.k8s.io: they only ever allow. Source: docs, "Using RBAC Authorization". */
import type { KubernetesObject } from '../../api/object.ts'
import type { Registry } from '../../registry/registry.ts'
import type { UserInfo } from '../../wire/exchange.ts'
import type { Attributes, Authorizer, Decision, Rule } from './authorizer.ts'

const GROUP = 'rbac.authorization.k8s.io'

interface Role extends KubernetesObject {
  readonly rules?: readonly Rule[] | null
}

interface Subject {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

interface Binding extends KubernetesObject {
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly Subject[]
}

/** Reads roles and bindings where they are stored; without these kinds it has no opinion. */
export function rbac(registry: Registry): Authorizer {
  const bindingsOf = (plural: string, namespace: string) => {
    const resource = registry.find(GROUP, 'v1', plural)
    return resource ? (registry.all(resource, namespace) as readonly Binding[]) : []
  }
  const rulesOf = ({ roleRef, metadata }: Binding): readonly Rule[] => {
    const clusterWide = roleRef?.kind === 'ClusterRole'
    const resource = registry.find(GROUP, 'v1', clusterWide ? 'clusterroles' : 'roles')
    const role = resource && registry.peek(resource, clusterWide ? '' : (metadata.namespace ?? ''), roleRef?.name ?? '')
    return (role?.object as Role | undefined)?.rules ?? []
  }
  const allowedBy = (kind: string, binding: Binding, user: UserInfo, asked: Attributes): Decision | undefined => {
    const subject = binding.subjects?.find((s) => isMeant(s, user, binding.metadata.namespace ?? ''))
    if (!subject || !rulesOf(binding).some((rule) => covers(rule, asked))) return undefined
    const { name, namespace } = binding.metadata
    const where = namespace ? `${name}/${namespace}` : name
    const { roleRef } = binding
    const whom = subject.namespace ? `${subject.name}/${subject.namespace}` : subject.name
    return {
      allowed: true,
      reason: `RBAC: allowed by ${kind} "${where}" of ${roleRef?.kind} "${roleRef?.name}" to ${subject.kind} "${whom}"`,
    }
  }
  return {
    authorize(user, asked) {
      for (const binding of bindingsOf('clusterrolebindings', '')) {
        const decision = allowedBy('ClusterRoleBinding', binding, user, asked)
        if (decision) return decision
      }
      if (!asked.namespace) return undefined
      for (const binding of bindingsOf('rolebindings', asked.namespace)) {
        const decision = allowedBy('RoleBinding', binding, user, asked)
        if (decision) return decision
      }
      return undefined
    },
    rules(user, namespace) {
      const bindings = [...bindingsOf('clusterrolebindings', ''), ...bindingsOf('rolebindings', namespace)]
      const own = bindings.filter((b) => b.subjects?.some((s) => isMeant(s, user, b.metadata.namespace ?? '')))
      return own.flatMap(rulesOf)
    },
  }
}

function isMeant({ kind, name, namespace }: Subject, user: UserInfo, bindingNamespace: string): boolean {
  if (kind === 'User') return name === user.name
  if (kind === 'Group') return user.groups.includes(name)
  return user.name === `system:serviceaccount:${namespace ?? bindingNamespace}:${name}`
}

const has = (list: readonly string[] | undefined, value: string) =>
  list !== undefined && (list.includes('*') || list.includes(value))

/** Whether a rule allows what is asked. */
function covers(rule: Rule, asked: Attributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false
  if (!asked.isResource) return (rule.nonResourceURLs ?? []).some((url) => pathMatches(url, asked.path))
  if (!has(rule.apiGroups, asked.group)) return false
  const what = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource
  const wild = asked.subresource !== '' && rule.resources?.includes(`*/${asked.subresource}`)
  if (!has(rule.resources, what) && !wild) return false
  return !rule.resourceNames?.length || rule.resourceNames.includes(asked.name)
}

/** `*` at the end stands for anything. */
function pathMatches(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)))
}
