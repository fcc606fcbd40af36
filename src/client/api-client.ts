/**
 * The client of ebb's own components: typed verbs over a Transport. Errors are ApiError (the server's Status) or TransportError.
 */
import type { DeleteOptions, KubernetesList, KubernetesObject } from '../api/object.ts'
import { ApiError, failure, type Status } from '../api/status.ts'
import type { Transport, TransportRequest, WatchHandlers } from './transport.ts'

/** A resource as clients name it. The ones ebb uses are in `resources.ts`. `_type` carries T only for the compiler. */
export interface Resource<T extends KubernetesObject = KubernetesObject> {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly _type?: T
}

export interface Ref {
  /** Left out or '' for cluster-scoped resources. */
  readonly namespace?: string
  readonly name: string
}

export interface ListQuery {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: string
  readonly limit?: number
  readonly continue?: string
}

export interface WatchQuery extends ListQuery {
  readonly allowWatchBookmarks?: boolean
  readonly sendInitialEvents?: boolean
  readonly timeoutSeconds?: number
}

export type PatchType = 'json' | 'merge' | 'strategic'

const PATCH_CONTENT: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

export function apiVersionOf(resource: Resource): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version
}

/** Path of a resource, an object or a subresource: `/apis/apps/v1/namespaces/default/deployments/web/status`. */
function pathOf(resource: Resource, ref: { namespace?: string; name?: string }, subresource?: string): string {
  let path = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`
  if (resource.namespaced && ref.namespace) path += `/namespaces/${encodeURIComponent(ref.namespace)}`
  path += `/${resource.plural}`
  if (ref.name !== undefined) path += `/${encodeURIComponent(ref.name)}`
  return subresource ? `${path}/${subresource}` : path
}

export class ApiClient {
  readonly transport: Transport
  private readonly headers: Readonly<Record<string, string>>

  constructor(transport: Transport, options: { readonly userAgent: string }) {
    this.transport = transport
    this.headers = { 'user-agent': options.userAgent, accept: 'application/json' }
  }

  get<T extends KubernetesObject>(resource: Resource<T>, ref: Ref): Promise<T> {
    return this.call('GET', pathOf(resource, ref)) as Promise<T>
  }

  /** undefined instead of a NotFound error. */
  async find<T extends KubernetesObject>(resource: Resource<T>, ref: Ref): Promise<T | undefined> {
    try {
      return await this.get(resource, ref)
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined
      throw error
    }
  }

  list<T extends KubernetesObject>(resource: Resource<T>, query: ListQuery = {}): Promise<KubernetesList<T>> {
    const { namespace, ...rest } = query
    return this.call('GET', pathOf(resource, namespace ? { namespace } : {}) + queryText(rest)) as Promise<
      KubernetesList<T>
    >
  }

  watch<T extends KubernetesObject>(
    resource: Resource<T>,
    query: WatchQuery,
    handlers: WatchHandlers,
    signal?: AbortSignal,
  ): ReturnType<Transport['watch']> {
    const { namespace, ...rest } = query
    const path = pathOf(resource, namespace ? { namespace } : {}) + queryText({ watch: true, ...rest })
    return this.transport.watch({ method: 'GET', path, headers: this.headers, ...(signal ? { signal } : {}) }, handlers)
  }

  create<T extends KubernetesObject>(resource: Resource<T>, object: T): Promise<T> {
    const namespace = object.metadata.namespace
    return this.call('POST', pathOf(resource, namespace ? { namespace } : {}), object) as Promise<T>
  }

  /** POST to a subresource: binding, eviction, token. */
  createSubresource(resource: Resource, ref: Ref, subresource: string, body: unknown): Promise<unknown> {
    return this.call('POST', pathOf(resource, ref, subresource), body)
  }

  update<T extends KubernetesObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T> {
    const { namespace, name = '' } = object.metadata
    return this.call(
      'PUT',
      pathOf(resource, namespace ? { namespace, name } : { name }, subresource),
      object,
    ) as Promise<T>
  }

  updateStatus<T extends KubernetesObject>(resource: Resource<T>, object: T): Promise<T> {
    return this.update(resource, object, 'status')
  }

  patch<T extends KubernetesObject>(
    resource: Resource<T>,
    ref: Ref,
    patch: unknown,
    options: { readonly type?: PatchType; readonly subresource?: string } = {},
  ): Promise<T> {
    return this.call('PATCH', pathOf(resource, ref, options.subresource), patch, {
      'content-type': PATCH_CONTENT[options.type ?? 'strategic'],
    }) as Promise<T>
  }

  delete(resource: Resource, ref: Ref, options?: DeleteOptions): Promise<unknown> {
    return this.call(
      'DELETE',
      pathOf(resource, ref),
      options && { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
    )
  }

  deleteCollection(resource: Resource, query: ListQuery, options?: DeleteOptions): Promise<unknown> {
    const { namespace, ...rest } = query
    const path = pathOf(resource, namespace ? { namespace } : {}) + queryText(rest)
    return this.call('DELETE', path, options && { kind: 'DeleteOptions', apiVersion: 'v1', ...options })
  }

  /** Any request by path; throws ApiError for status >= 400. */
  async call(
    method: TransportRequest['method'],
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown> {
    const response = await this.transport.send({
      method,
      path,
      headers: { ...this.headers, ...headers },
      ...(body === undefined ? {} : { body }),
    })
    if (response.status >= 400) throw asError(response.status, response.body)
    return response.body
  }
}

/** The Status in an answer, or one made from whatever came instead. */
export function asError(code: number, body: unknown): ApiError {
  if (typeof body === 'object' && body !== null && (body as Partial<Status>).kind === 'Status')
    return new ApiError({ ...(body as Status), code })
  return failure(
    code,
    'Unknown',
    `the server answered ${code}: ${typeof body === 'string' ? body : JSON.stringify(body)}`,
  )
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== '') params.set(key, String(value))
  const text = params.toString()
  return text ? `?${text}` : ''
}
