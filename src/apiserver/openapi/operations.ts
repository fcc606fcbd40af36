/** The operations of a resource, in OpenAPI 3; documents.ts turns them into Swagger where that is asked for. */
import type { GroupVersionKind } from '../../api/schema.ts'
import { parameters } from './parameters.gen.ts'
import { capital, type OpenApiResource, type OpenApiSubresource } from './resources.ts'
import { listDefinition } from './schemas.ts'

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path'
  readonly description: string
  readonly required?: boolean
  readonly schema: { readonly type: string; readonly uniqueItems: boolean }
}

/** Before its parameters are shared out: all of them, those of the path included. */
export interface Operation {
  readonly method: 'get' | 'put' | 'post' | 'delete' | 'patch'
  readonly id: string
  readonly description: string
  readonly parameters: readonly Parameter[]
  readonly body?: { readonly types: readonly string[]; readonly definition: string; readonly required: boolean }
  /** Codes of success; what they answer is `answer`, a definition's name, or text. */
  readonly codes: readonly number[]
  readonly answer: string | undefined
  readonly types: readonly string[]
  readonly action?: string
  readonly kind?: GroupVersionKind
}

export interface PathOperations {
  readonly path: string
  readonly operations: readonly Operation[]
}

const OBJECT_TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml']
const LIST_TYPES = [
  'application/json',
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf',
  'application/vnd.kubernetes.protobuf;stream=watch',
  'application/yaml',
]
const LOG_TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml', 'text/plain']
const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const STATUS = `${META}.Status`

const LIST =
  'allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch sendInitialEvents shardSelector timeoutSeconds watch'
const WRITE = 'dryRun fieldManager fieldValidation'
const DELETE =
  'dryRun gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents propagationPolicy'
const DELETE_COLLECTION = `continue dryRun fieldSelector gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential labelSelector limit orphanDependents propagationPolicy resourceVersion resourceVersionMatch sendInitialEvents shardSelector timeoutSeconds`
const LOG = 'container follow insecureSkipTLSVerifyBackend limitBytes previous sinceSeconds stream tailLines timestamps'
const CONNECT: Readonly<Record<string, string>> = {
  exec: 'command container stderr stdin stdout tty',
  attach: 'container stderr stdin stdout tty',
  portforward: 'ports',
}

function parameter(name: string, variant: string): Parameter {
  const found = parameters[`${name}/${variant}`] ?? parameters[name]
  return { name, ...found } as Parameter
}

const byName = (a: Parameter, b: Parameter) => (a.name < b.name ? -1 : 1)

/** `core_v1`, `rbac_v1`: the tag; `CoreV1`, `RbacAuthorizationV1`: the part of operation ids. */
export function groupNames(group: string, version: string): { tag: string; id: string } {
  const words = group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.')
  const id = words.map(capital).join('')
  return { tag: `${id.slice(0, 1).toLowerCase()}${id.slice(1)}_${version}`, id: id + capital(version) }
}

/** `a Pod`, `an Event`, and `Endpoints` without an article. */
const one = (kind: string) => (/[^s]s$/.test(kind) ? kind : `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`)

/** Paths of a resource with their operations, subresources included. */
export function operationsOf(resource: OpenApiResource): PathOperations[] {
  const { group, version, plural, namespaced } = resource
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  const maker = new Maker(resource)
  const paths = [
    { path: collection, operations: maker.collection() },
    { path: `${collection}/{name}`, operations: maker.item() },
    ...resource.subresources.map((sub) => ({
      path: `${collection}/{name}/${sub.name}`,
      operations: maker.subresource(sub),
    })),
  ]
  if (namespaced) paths.push({ path: `${root}/${plural}`, operations: maker.allNamespaces() })
  return paths.filter(({ operations }) => operations.length > 0)
}

type Made = Omit<Operation, 'parameters'> & {
  readonly query: string
  readonly variant?: string
  readonly where: string
}

class Maker {
  private readonly resource: OpenApiResource
  private readonly id: string
  private readonly scope: string

  constructor(resource: OpenApiResource) {
    this.resource = resource
    this.id = groupNames(resource.group, resource.version).id
    this.scope = resource.namespaced ? 'Namespaced' : ''
  }

  private make({ query, variant, where, ...rest }: Made): Operation {
    const { kind, namespaced } = this.resource
    const names = query.split(' ').filter(Boolean)
    if (variant !== 'connect') names.push('pretty')
    const list = names.map((name) => parameter(name, variant === 'connect' ? where : (variant ?? rest.method)))
    if (namespaced && where !== 'all') list.push(parameter('namespace', ''))
    if (where !== 'collection' && where !== 'all')
      list.push({
        name: 'name',
        in: 'path',
        description: `name of the ${NAMED_OTHERWISE[where] ?? kind}`,
        required: true,
        schema: { type: 'string', uniqueItems: true },
      })
    return { ...rest, parameters: list.sort(byName) }
  }

  private can(verb: string): boolean {
    return this.resource.verbs.includes(verb)
  }

  private own() {
    const { group, version, kind } = this.resource
    return { group, version, kind }
  }

  private list(id: string, where: string): Operation {
    return this.make({
      method: 'get',
      id: `list${this.id}${id}`,
      description: `list or watch objects of kind ${this.resource.kind}`,
      query: LIST,
      where,
      codes: [200],
      answer: listDefinition(this.resource.definition),
      types: LIST_TYPES,
      action: 'list',
      kind: this.own(),
    })
  }

  allNamespaces(): Operation[] {
    return this.can('list') ? [this.list(`${this.resource.kind}ForAllNamespaces`, 'all')] : []
  }

  collection(): Operation[] {
    const { kind, definition } = this.resource
    const out: Operation[] = []
    if (this.can('list')) out.push(this.list(`${this.scope}${kind}`, 'collection'))
    if (this.can('create'))
      out.push(
        this.write('post', `create${this.id}${this.scope}${kind}`, {
          definition,
          description: `create ${one(kind)}`,
          kind: this.own(),
          where: 'collection',
        }),
      )
    if (this.can('deletecollection'))
      out.push(this.remove(`delete${this.id}Collection${this.scope}${kind}`, 'collection'))
    return out
  }

  private remove(id: string, where: 'collection' | 'item'): Operation {
    const { kind, definition, returnsObject } = this.resource
    const all = where === 'collection'
    return this.make({
      method: 'delete',
      id,
      description: all ? `delete collection of ${kind}` : `delete ${one(kind)}`,
      query: all ? DELETE_COLLECTION : DELETE,
      where,
      body: { types: ['*/*'], definition: `${META}.DeleteOptions`, required: false },
      codes: all ? [200] : [200, 202],
      answer: !all && returnsObject ? definition : STATUS,
      types: OBJECT_TYPES,
      action: all ? 'deletecollection' : 'delete',
      kind: this.own(),
    })
  }

  private write(
    method: 'post' | 'put' | 'patch',
    id: string,
    about: { definition: string; description: string; kind: GroupVersionKind; where: string },
  ): Operation {
    const { definition, ...rest } = about
    const patch = method === 'patch'
    return this.make({
      ...rest,
      method,
      id,
      query: patch ? `${WRITE} force` : WRITE,
      body: { types: patch ? PATCH_TYPES : ['*/*'], definition: patch ? `${META}.Patch` : definition, required: true },
      codes: method === 'post' ? [200, 201, 202] : [200, 201],
      answer: definition,
      types: OBJECT_TYPES,
      action: method,
    })
  }

  private read(
    id: string,
    about: { definition: string; description: string; kind: GroupVersionKind; where: string },
  ): Operation {
    const { definition, ...rest } = about
    return this.make({
      ...rest,
      method: 'get',
      id,
      query: '',
      codes: [200],
      answer: definition,
      types: OBJECT_TYPES,
      action: 'get',
    })
  }

  item(): Operation[] {
    const { kind, definition } = this.resource
    const about = (what: string) => ({
      definition,
      description: `${what} the specified ${kind}`,
      kind: this.own(),
      where: 'item',
    })
    const id = (verb: string) => `${verb}${this.id}${this.scope}${kind}`
    return [
      ...(this.can('get') ? [this.read(id('read'), about('read'))] : []),
      ...(this.can('update') ? [this.write('put', id('replace'), about('replace'))] : []),
      ...(this.can('delete') ? [this.remove(id('delete'), 'item')] : []),
      ...(this.can('patch') ? [this.write('patch', id('patch'), about('partially update'))] : []),
    ]
  }

  subresource(sub: OpenApiSubresource): Operation[] {
    if (sub.connects) return this.connections(sub)
    if (sub.name === 'log') return [this.log(sub)]
    const { kind } = this.resource
    const { name, definition } = sub
    if (!definition) return []
    const id = (verb: string) => `${verb}${this.id}${this.scope}${kind}${capital(name)}`
    const about = (what: string) => ({
      definition,
      description: `${what} ${name} of the specified ${kind}`,
      kind: sub.kind,
      where: name,
    })
    const has = (verb: string) => sub.verbs.includes(verb)
    return [
      ...(has('get') ? [this.read(id('read'), about('read'))] : []),
      ...(has('update') ? [this.write('put', id('replace'), about('replace'))] : []),
      ...(has('create')
        ? [
            this.write('post', id('create'), {
              ...about(''),
              description: `create ${name} of ${one(kind)}`,
            }),
          ]
        : []),
      ...(has('patch') ? [this.write('patch', id('patch'), about('partially update'))] : []),
    ]
  }

  private connections(sub: OpenApiSubresource): Operation[] {
    const { kind } = this.resource
    return (['get', 'post'] as const).map((method) =>
      this.make({
        method,
        id: `connect${this.id}${capital(method)}${this.scope}${kind}${capital(sub.name)}`,
        description: `connect ${method.toUpperCase()} requests to ${sub.name} of ${kind}`,
        query: CONNECT[sub.name] ?? '',
        variant: 'connect',
        where: sub.name,
        codes: [200],
        answer: undefined,
        types: ['*/*'],
        action: 'connect',
        kind: sub.kind,
      }),
    )
  }

  private log(sub: OpenApiSubresource): Operation {
    const { kind } = this.resource
    return this.make({
      method: 'get',
      id: `read${this.id}${this.scope}${kind}Log`,
      description: `read log of the specified ${kind}`,
      query: LOG,
      variant: 'log',
      where: sub.name,
      codes: [200],
      answer: undefined,
      types: LOG_TYPES,
      action: 'get',
      kind: this.own(),
    })
  }
}

/** What the name in a subresource's path is the name of, where it is not the resource. */
const NAMED_OTHERWISE: Readonly<Record<string, string>> = {
  scale: 'Scale',
  binding: 'Binding',
  eviction: 'Eviction',
  token: 'TokenRequest',
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
}
