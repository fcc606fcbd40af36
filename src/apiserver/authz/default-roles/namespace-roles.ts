/** The Roles of kube-system and kube-public, with whom each is given to. Subjects as in `cluster-roles.ts`. */
import type { Rule } from '../authorizer.ts'
import { EVENTS, READ, rule } from './rule.ts'

export interface NamespaceRole {
  readonly namespace: string
  readonly name: string
  /** Of the binding, where it is another one than the role's. */
  readonly binding?: string
  readonly rules: readonly Rule[]
  readonly subjects: readonly string[]
}

const locking = (component: string): NamespaceRole => ({
  namespace: 'kube-system',
  name: `system::leader-locking-${component}`,
  rules: [rule('watch', 'core', 'configmaps'), rule('get update', 'core', 'configmaps', component)],
  subjects: [`User system:${component}`, `ServiceAccount kube-system ${component}`],
})

const controller = (name: string, rules: readonly Rule[], namespace = 'kube-system'): NamespaceRole => ({
  namespace,
  name: `system:controller:${name}`,
  rules,
  subjects: [`ServiceAccount kube-system ${name}`],
})

export const NAMESPACE_ROLES: readonly NamespaceRole[] = [
  controller(
    'bootstrap-signer',
    [rule(READ, 'core', 'configmaps'), rule('update', 'core', 'configmaps', 'cluster-info'), EVENTS],
    'kube-public',
  ),
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    binding: 'system::extension-apiserver-authentication-reader',
    rules: [rule(READ, 'core', 'configmaps', 'extension-apiserver-authentication')],
    subjects: ['User system:kube-controller-manager', 'User system:kube-scheduler'],
  },
  locking('kube-controller-manager'),
  locking('kube-scheduler'),
  controller('bootstrap-signer', [rule(READ, 'core', 'secrets')]),
  controller('cloud-provider', [rule(`create ${READ}`, 'core', 'configmaps')]),
  controller('token-cleaner', [rule(`delete ${READ}`, 'core', 'secrets'), EVENTS]),
]
