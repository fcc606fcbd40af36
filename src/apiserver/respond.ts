/** The one place where results and errors become answers. */
import { ApiError, badRequest, failure, type Status } from '../api/status.ts'
import type { ApiResponse } from '../wire/exchange.ts'

const JSON_HEADERS = { 'content-type': 'application/json' }
const TEXT_HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
/** When those come again for whom there was no room. */
const RETRY_AFTER_SECONDS = 1

const encoder = new TextEncoder()

/** An object that is nobody's stored state: Status, Scale, discovery. */
export function objectResponse(object: unknown, status = 200, contentType = 'application/json'): ApiResponse {
  return {
    status,
    headers: contentType === 'application/json' ? JSON_HEADERS : { 'content-type': contentType },
    body: { type: 'object', object, bytes: () => encoder.encode(JSON.stringify(object)) },
  }
}

/** A document that is indented for everybody, as Go's MarshalIndent does it. */
export function documentResponse(object: unknown): ApiResponse {
  return { status: 200, headers: JSON_HEADERS, body: { type: 'text', text: JSON.stringify(object, null, 2) } }
}

export function textResponse(text: string, status = 200): ApiResponse {
  return { status, headers: TEXT_HEADERS, body: { type: 'text', text } }
}

/** As Kubernetes says it: a plain page, and when to come again. */
export function tooBusy(): ApiResponse {
  const response = textResponse('Too many requests, please try again later.\n', 429)
  return { ...response, headers: { ...response.headers, 'retry-after': String(RETRY_AFTER_SECONDS) } }
}

export const pageNotFound = (): ApiResponse => textResponse('404 page not found\n', 404)

/** A resource, subresource or version that is not served, where its group is. */
export const resourceNotFound = (): ApiError =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {})

export const methodNotAllowed = (): ApiError =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

export function success(details?: Status['details'], code?: number): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details ? { details } : {}),
    ...(code === undefined ? {} : { code }),
  }
}

/** The Status of whatever was thrown. A fault of our own is reported to `fault` and answered 500 without its particulars. */
export function errorResponse(error: unknown, fault: (error: unknown) => void): ApiResponse {
  // What came nests so deeply that the stack ran out: that is its fault, not ours.
  if (error instanceof RangeError && /call stack/.test(error.message))
    return statusResponse(badRequest('exceeded max depth').status)
  if (!(error instanceof ApiError)) {
    fault(error)
    const message = `Internal error occurred: ${error instanceof Error ? error.message : 'unknown'}`
    return statusResponse(failure(500, 'InternalError', message, { causes: [{ message }] }).status)
  }
  return statusResponse(error.status)
}

function statusResponse(status: Status): ApiResponse {
  const retryAfter = status.details?.retryAfterSeconds
  const { reason, ...rest } = status
  const shown = reason ? status : rest
  const response = objectResponse(shown, status.code ?? 500)
  return retryAfter === undefined
    ? response
    : { ...response, headers: { ...response.headers, 'retry-after': String(retryAfter) } }
}

/** The answer with what the stages and handlers had to warn of. */
export function withWarnings(response: ApiResponse, warnings: readonly string[]): ApiResponse {
  return warnings.length === 0 ? response : { ...response, headers: { ...response.headers, warning: warnings } }
}
