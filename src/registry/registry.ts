/** The generic machinery over a table of declarations: everything the API server may do with objects. */
import type { DeleteOptions, Draft, KubernetesObject } from '../api/object.ts'
import type { EbbTracer } from '../api/trace-steps.ts'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { noTrace } from '../base/trace.ts'
import type { ResourceDeclaration } from '../resources/declaration.ts'
import type { Store } from '../store/store.ts'
import type { EventSink, Item, ListOptions, ListResult, WatchCache, WatchOptions } from '../watch-cache/watch-cache.ts'
import { type AdmissionPort, admitAll } from './admission-port.ts'
import { type Deleted, deleteObject } from './delete.ts'
import { deleteCollection } from './delete-collection.ts'
import { trackFields } from './field-managers.ts'
import { contextOf, type FieldManagerHook, type Kit, type WriteOptions } from './kit.ts'
import { all, find, get, list, type Target, watch } from './read.ts'
import { prefixOf, type StoredResource } from './resource.ts'
import { inApiWords } from './store-words.ts'
import { admitCreate, type BindingRequest, bind, evict } from './subresources.ts'
import { create, type UpdateRequest, update, type Written } from './write.ts'

export interface RegistryOptions {
  readonly store: Store<Item>
  /** Makes the watch cache over the store keys with `prefix`; called once for each place where objects are kept. */
  cache(prefix: string, declaration: ResourceDeclaration): WatchCache
  readonly declarations: readonly ResourceDeclaration[]
  readonly clock: Clock
  readonly random: Random
  readonly admission?: AdmissionPort
  readonly tracer?: EbbTracer
  /** Keeps managedFields; default `trackFields`. */
  readonly updateManagedFields?: FieldManagerHook
  /** Freeze stored objects all the way down (tests, simulation). Default false. */
  readonly freeze?: boolean
}

export interface Registry {
  readonly resources: readonly StoredResource[]
  find(group: string, version: string, plural: string): StoredResource | undefined
  /** Throws 404. */
  get(resource: StoredResource, target: Target): Item | Promise<Item>
  /** undefined instead of 404, and at once. */
  peek(resource: StoredResource, namespace: string, name: string): Item | undefined
  /** Every object, at once; with a namespace, those in it. */
  all(resource: StoredResource, namespace: string): readonly KubernetesObject[]
  list(resource: StoredResource, options: ListOptions): Promise<ListResult>
  watch(resource: StoredResource, options: WatchOptions, sink: EventSink): () => void
  create(resource: StoredResource, draft: Draft<KubernetesObject>, options: WriteOptions): Promise<Item>
  update(resource: StoredResource, request: UpdateRequest, options: WriteOptions): Promise<Written>
  delete(resource: StoredResource, options: WriteOptions, request: DeleteOptions): Promise<Deleted>
  /** Deletes what the list options select; resolves to the items as they were listed. */
  deleteCollection(
    resource: StoredResource,
    selection: ListOptions,
    options: WriteOptions,
    request: DeleteOptions,
  ): Promise<ListResult>
  /** Assigns a pod to a node. */
  bind(resource: StoredResource, request: BindingRequest, options: WriteOptions): Promise<void>
  /** Marks the pod as disrupted and deletes it. */
  evict(resource: StoredResource, options: WriteOptions, request: DeleteOptions): Promise<void>
  /** A declaration's context outside of a write: for defaulting and warnings of handlers. */
  context(options: WriteOptions): ReturnType<typeof contextOf>
  /** Asks admission about a create of a subresource that stores nothing itself (token). */
  admitCreate(
    target: { readonly resource: StoredResource; readonly subresource: string },
    options: WriteOptions,
    object: Draft<KubernetesObject>,
  ): Promise<void>
  /** What may change or refuse writes from here on; the API server composes it. */
  admitWith(admission: AdmissionPort): void
}

export function createRegistry(options: RegistryOptions): Registry {
  const resources = storedResources(options)
  const byName = new Map(resources.map((r) => [nameOf(r.declaration), r]))
  const byGroupPlural = new Map<string, StoredResource>()
  for (const resource of resources) {
    const key = `${resource.declaration.group}/${resource.declaration.plural}`
    if (!byGroupPlural.has(key)) byGroupPlural.set(key, resource)
  }
  const kit: Kit & { admission: AdmissionPort } = {
    store: inApiWords(options.store),
    clock: options.clock,
    random: options.random,
    admission: options.admission ?? admitAll,
    tracer: options.tracer ?? (noTrace as EbbTracer),
    updateManagedFields: options.updateManagedFields ?? trackFields,
    freeze: options.freeze ?? false,
    find: (group, plural) => byGroupPlural.get(`${group}/${plural}`),
  }
  return {
    resources,
    find: (group, version, plural) => byName.get(`${group}/${version}/${plural}`),
    get,
    peek: find,
    all,
    list,
    watch,
    create: (resource, draft, write) => create(kit, resource, draft, write),
    update: (resource, request, write) => update(kit, resource, request, write),
    delete: (resource, write, request) => deleteObject(kit, resource, write, request),
    deleteCollection: (resource, selection, write, request) =>
      deleteCollection(kit, resource, { selection, request }, write),
    bind: (resource, request, write) => bind(kit, resource, request, write),
    evict: (resource, write, request) => evict(kit, resource, write, request),
    context: (write) => contextOf(kit, write),
    admitCreate: (target, write, object) => admitCreate(kit, target, { options: write, object }),
    admitWith(admission) {
      kit.admission = admission
    },
  }
}

function nameOf(declaration: ResourceDeclaration): string {
  return `${declaration.group}/${declaration.version}/${declaration.plural}`
}

function storedResources(options: RegistryOptions): StoredResource[] {
  const caches = new Map<string, WatchCache>()
  const seen = new Set<string>()
  return options.declarations.map((declaration) => {
    const { group, version, plural } = declaration
    assert(!seen.has(nameOf(declaration)), `${nameOf(declaration)} is declared twice`)
    seen.add(nameOf(declaration))
    const prefix = prefixOf(declaration)
    const cache = caches.get(prefix) ?? options.cache(prefix, declaration)
    caches.set(prefix, cache)
    return {
      declaration,
      apiVersion: group ? `${group}/${version}` : version,
      groupResource: { group, resource: plural },
      prefix,
      cache,
    }
  })
}
