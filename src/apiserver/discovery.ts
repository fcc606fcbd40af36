/** Which groups, versions and resources there are: the legacy documents and aggregated discovery (KEP-3352). */
import { sha256 } from '../base/sha256.ts'
import type { ResourceDeclaration } from '../resources/declaration.ts'
import { DEFAULT_VERBS } from './dispatch.ts'

interface ApiResource {
  readonly name: string
  readonly singularName: string
  readonly namespaced: boolean
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly storageVersionHash?: string
}

/** Groups in the order in which Kubernetes lists them; unknown ones follow by name. */
const GROUP_ORDER = [
  '',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
]

/** What discovery says of a resource: a declaration, or one that is answered and not stored. */
type Discoverable = Pick<ResourceDeclaration, 'group' | 'version' | 'kind' | 'plural' | 'singular' | 'namespaced'> &
  Partial<
    Pick<
      ResourceDeclaration,
      'verbs' | 'shortNames' | 'categories' | 'subresources' | 'scale' | 'actions' | 'storage' | 'columns'
    >
  >

export type Declarations = readonly Discoverable[]

/** `group -> version -> declarations`, groups in the order of discovery. */
function groupsOf(declarations: Declarations): Map<string, Map<string, Discoverable[]>> {
  const rank = (group: string) => {
    const at = GROUP_ORDER.indexOf(group)
    return at < 0 ? GROUP_ORDER.length : at
  }
  const names = [...new Set(declarations.map((d) => d.group))]
  names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const groups = new Map(names.map((name) => [name, new Map<string, Discoverable[]>()]))
  for (const declaration of declarations) {
    const versions = groups.get(declaration.group)
    const list = versions?.get(declaration.version)
    if (list) list.push(declaration)
    else versions?.set(declaration.version, [declaration])
  }
  return groups
}

/** GET /api */
export function apiVersions(address: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }
}

function groupDocument(group: string, versions: Iterable<string>): object {
  const list = [...versions].map((version) => ({ groupVersion: `${group}/${version}`, version }))
  return { name: group, versions: list, preferredVersion: list[0] }
}

/** GET /apis */
export function apiGroupList(declarations: Declarations): object {
  const groups = []
  for (const [group, versions] of groupsOf(declarations)) if (group) groups.push(groupDocument(group, versions.keys()))
  return { kind: 'APIGroupList', apiVersion: 'v1', groups }
}

/** GET /apis/GROUP; undefined: no such group. */
export function apiGroup(declarations: Declarations, group: string): object | undefined {
  const versions = groupsOf(declarations).get(group)
  return versions && group
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group, versions.keys()) }
    : undefined
}

/** GET /api/v1 and /apis/GROUP/VERSION; undefined: not served. */
export function apiResourceList(declarations: Declarations, group: string, version: string): object | undefined {
  const list = groupsOf(declarations).get(group)?.get(version)
  if (!list) return undefined
  const resources = list.flatMap((one) => resourcesOf(one, declarations)).sort((a, b) => (a.name < b.name ? -1 : 1))
  const groupVersion = group ? `${group}/${version}` : version
  // The core group's answer has no apiVersion, as in Kubernetes.
  return { kind: 'APIResourceList', ...(group ? { apiVersion: 'v1' } : {}), groupVersion, resources }
}

function verbsOf(declaration: Discoverable): string[] {
  // A resource without columns is one that is not stored.
  return [...(declaration.verbs ?? (declaration.columns ? DEFAULT_VERBS : ['create']))].sort()
}

/** Eight bytes of the hash of the stored version's name: clients see by it that two resources are one. */
function storageVersionHash({ storage, ...own }: Discoverable, declarations: Declarations): string {
  const stored = storage ? (declarations.find((d) => !d.storage && d.plural === storage.key) ?? own) : own
  const digest = sha256(`${stored.group}/${stored.version}/${stored.kind}`)
  return btoa(String.fromCharCode(...digest.subarray(0, 8)))
}

function resourcesOf(declaration: Discoverable, declarations: Declarations): ApiResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = declaration
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: verbsOf(declaration),
      ...(shortNames ? { shortNames } : {}),
      ...(categories ? { categories } : {}),
      ...(declaration.columns ? { storageVersionHash: storageVersionHash(declaration, declarations) } : {}),
    },
    ...subresourcesOf(declaration).map((sub) => ({
      name: `${plural}/${sub.name}`,
      singularName: '',
      namespaced,
      ...(sub.group ? { group: sub.group } : {}),
      ...(sub.version ? { version: sub.version } : {}),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]
}

interface Subresource {
  readonly name: string
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
}

function subresourcesOf(declaration: Discoverable): Subresource[] {
  const list: Subresource[] = []
  for (const { name, verbs } of declaration.subresources ?? [])
    list.push({ name, kind: declaration.kind, verbs: [...verbs].sort() })
  if (declaration.scale)
    list.push({
      name: 'scale',
      kind: 'Scale',
      group: 'autoscaling',
      version: 'v1',
      verbs: ['get', 'patch', 'update'],
    })
  for (const { name, kind, group, version, verbs } of declaration.actions ?? [])
    list.push({ name, kind, ...(group ? { group } : {}), ...(version ? { version } : {}), verbs: [...verbs].sort() })
  return list
}

export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** GET /api and /apis for clients that accept apidiscovery.k8s.io/v2. `core`: the legacy group, else the named ones. */
export function aggregated(declarations: Declarations, which: 'core' | 'named'): object {
  const items = []
  for (const [group, versions] of groupsOf(declarations)) {
    if ((group === '') !== (which === 'core')) continue
    items.push({
      metadata: group ? { name: group } : {},
      versions: [...versions].map(([version, list]) => ({
        version,
        resources: list.map(discovered).sort((a, b) => (a.resource < b.resource ? -1 : 1)),
        freshness: 'Current',
      })),
    })
  }
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
}

function discovered(declaration: Discoverable) {
  const { plural, singular, namespaced, kind, shortNames, categories } = declaration
  const subresources = subresourcesOf(declaration).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group ?? '', version: sub.version ?? '', kind: sub.kind },
    verbs: sub.verbs,
  }))
  return {
    resource: plural,
    // Empty where it is the group and version of the document.
    responseKind: { group: '', version: '', kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(declaration),
    ...(shortNames ? { shortNames } : {}),
    ...(categories ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  }
}
