/** What a body may have in it, besides its 3 MiB (apiserver/request.node.ts): so that none holds up all others for long. */
import { type ApiError, failure } from '../api/status.ts'

/** Objects and lists within each other; more is no JSON to Go's decoder. */
export const NESTING_MAX = 10_000

/**
 * Members, elements and scalars of one body; more is 413. Each costs 2 to 10 microseconds until it is stored and answered. Kubernetes has
 * no such limit; its largest objects in use have some 60,000.
 */
export const VALUES_MAX = 100_000

/** Members of one object and elements of one list, sent or made by a patch; more is 413. No step goes over more in one piece. */
export const MEMBERS_MAX = 10_000

const tooLarge = (limit: string): ApiError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)

export const tooManyValues = (): ApiError => tooLarge(`${VALUES_MAX} values`)
export const tooManyMembers = (): ApiError => tooLarge(`${MEMBERS_MAX} members of an object or a list`)
