/** Kubernetes' Status object and the error that carries it: the closed table of operating errors of the API. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: {
    readonly name?: string
    readonly group?: string
    readonly kind?: string
    readonly uid?: string
    readonly causes?: readonly StatusCause[]
    readonly retryAfterSeconds?: number
  }
  readonly code?: number
}

/** Thrown by registry and API server, and by the client for every answer with status >= 400. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: Status
  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown')
    this.status = status
  }
  get code(): number {
    return this.status.code ?? 500
  }
  get reason(): string {
    return this.status.reason ?? 'Unknown'
  }
}

export function isApiError(error: unknown, reason?: string): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason)
}

/** Group and plural of a resource as error details name it: `{ group: 'apps', resource: 'deployments' }`. */
export interface GroupResource {
  readonly group: string
  readonly resource: string
}

export function qualified({ group, resource }: GroupResource): string {
  return group ? `${resource}.${group}` : resource
}

export function failure(code: number, reason: string, message: string, details?: Status['details']): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  })
}

const details = (r: GroupResource, name: string) => ({
  ...(name ? { name } : {}),
  ...(r.group ? { group: r.group } : {}),
  kind: r.resource,
})

export const notFound = (r: GroupResource, name: string): ApiError =>
  failure(404, 'NotFound', `${qualified(r)} "${name}" not found`, details(r, name))

export const alreadyExists = (r: GroupResource, name: string): ApiError =>
  failure(409, 'AlreadyExists', `${qualified(r)} "${name}" already exists`, details(r, name))

export const conflict = (r: GroupResource, name: string, why: string): ApiError =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(r)} "${name}": ${why}`, details(r, name))

/** Without a name it is about the resource. */
export const forbidden = (r: GroupResource, name: string, why: string): ApiError =>
  failure(403, 'Forbidden', `${qualified(r)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, details(r, name))

export const badRequest = (message: string): ApiError => failure(400, 'BadRequest', message)

export const internalError = (message: string): ApiError =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })

export const serviceUnavailable = (message: string): ApiError => failure(503, 'ServiceUnavailable', message)

export const expired = (message: string): ApiError => failure(410, 'Expired', message)

export const tooManyRequests = (message: string, retryAfterSeconds: number): ApiError =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds })
