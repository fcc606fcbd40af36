/**
 * The roles and bindings of Kubernetes 1.36: in force from the first request on, and stored once the start is over
 * (`store.ts`), where people may look at them and change them.
 */
import type { KubernetesObject } from '../../../api/object.ts'
import type { Rule } from '../authorizer.ts'
import type { Defaults } from '../policy.ts'
import { AGGREGATED, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './cluster-roles.ts'
import { CONTROLLER_ROLES } from './controller-roles.ts'
import { NAMESPACE_ROLES } from './namespace-roles.ts'

const GROUP = 'rbac.authorization.k8s.io'

/** An object with this annotation is brought up to date at every start; `false` leaves it as it is. */
export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

export interface DefaultObject {
  readonly plural: 'clusterroles' | 'clusterrolebindings' | 'roles' | 'rolebindings'
  readonly object: KubernetesObject & Readonly<Record<string, unknown>>
}

export interface DefaultRoles extends Defaults {
  readonly objects: readonly DefaultObject[]
  stored: boolean
}

/** `stored` says whether nothing is to be had from here any more, because all of it was stored. */
export function defaultRoles(): DefaultRoles {
  const objects = allObjects()
  const named = new Map(objects.map(({ plural, object }) => [keyOf(plural, object), object]))
  return {
    objects,
    stored: false,
    find: (plural, namespace, name) => named.get(`${plural} ${namespace}/${name}`),
    all: (plural) => objects.filter((one) => one.plural === plural).map(({ object }) => object),
  }
}

const keyOf = (plural: string, { metadata }: KubernetesObject) =>
  `${plural} ${metadata.namespace ?? ''}/${metadata.name}`

function allObjects(): readonly DefaultObject[] {
  const controllers = Object.entries(CONTROLLER_ROLES)
  return [
    ...Object.entries(CLUSTER_ROLES).map(([name, rules]) => clusterRole(name, rules)),
    ...Object.keys(AGGREGATED).map(aggregated),
    ...controllers.map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
    ...Object.entries(CLUSTER_ROLE_BINDINGS).map(([name, subjects]) => clusterRoleBinding(name, subjects)),
    ...controllers.map(([name]) =>
      clusterRoleBinding(`system:controller:${name}`, [`ServiceAccount kube-system ${name}`]),
    ),
    ...NAMESPACE_ROLES.flatMap(({ namespace, name, binding, rules, subjects }) => [
      of('roles', 'Role', metadata(name, { namespace }), { rules }),
      of('rolebindings', 'RoleBinding', metadata(binding ?? name, { namespace }), bound('Role', name, subjects)),
    ]),
  ]
}

function of(plural: DefaultObject['plural'], kind: string, meta: object, rest: object): DefaultObject {
  return { plural, object: { apiVersion: `${GROUP}/v1`, kind, metadata: meta, ...rest } }
}

function metadata(name: string, { namespace, labels }: { namespace?: string; labels?: Record<string, string> } = {}) {
  return {
    name,
    ...(namespace ? { namespace } : {}),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { [AUTOUPDATE]: 'true' },
  }
}

const aggregationLabel = (role: string) => `rbac.authorization.k8s.io/aggregate-to-${role}`

function clusterRole(name: string, rules: readonly Rule[]): DefaultObject {
  const into = /^system:aggregate-to-(.+)$/.exec(name)?.[1]
  return of('clusterroles', 'ClusterRole', metadata(name, labelled(into)), { rules })
}

const labelled = (into: string | undefined) => (into ? { labels: { [aggregationLabel(into)]: 'true' } } : {})

function aggregated(name: string): DefaultObject {
  const clusterRoleSelectors = [{ matchLabels: { [aggregationLabel(name)]: 'true' } }]
  const meta = metadata(name, labelled(AGGREGATED[name]?.into))
  return of('clusterroles', 'ClusterRole', meta, { aggregationRule: { clusterRoleSelectors }, rules: rulesOf(name) })
}

function rulesOf(name: string): readonly Rule[] {
  return CLUSTER_ROLES[name] ?? AGGREGATED[name]?.of.flatMap(rulesOf) ?? []
}

function clusterRoleBinding(name: string, subjects: readonly string[]): DefaultObject {
  return of('clusterrolebindings', 'ClusterRoleBinding', metadata(name), bound('ClusterRole', name, subjects))
}

function bound(kind: string, name: string, subjects: readonly string[]): object {
  const list = subjects.map(subject)
  return { ...(list.length > 0 ? { subjects: list } : {}), roleRef: { apiGroup: GROUP, kind, name } }
}

function subject(text: string): object {
  const [kind = '', ...rest] = text.split(' ')
  const [namespace, name] = rest
  return kind === 'ServiceAccount' ? { kind, name, namespace } : { kind, apiGroup: GROUP, name: rest[0] }
}
