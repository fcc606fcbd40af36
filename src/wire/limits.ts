/** What a body may have in it, besides its 3 MiB (apiserver/request.node.ts): so that none holds up all others for long. */
import { type ApiError, failure } from '../api/status.ts'

/** Objects and lists within each other; more is no JSON to Go's decoder. */
export const NESTING_MAX = 10_000

/**
 * Members, elements and scalars of one body; more is 413. Each costs 2 to 10 microseconds until it is stored and answered. Kubernetes has
 * no such limit; its largest objects in use have some 60,000.
 */
export const VALUES_MAX = 100_000

export const tooManyValues = (): ApiError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${VALUES_MAX} values`)
