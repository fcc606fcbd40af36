/**
 * resourceVersion texts and the errors around them, as clients of Kubernetes 1.36 see them. A version is an unsigned 64 bit
 * number to clients and a revision of the store to us.
 */
import { ApiError, badRequest, failure } from '../api/status.ts'

/** How long a list waits for a revision that is not there yet, as in Kubernetes' watch cache. */
export const FUTURE_REVISION_WAIT_MS = 3_000
const UINT64_MAX = 2n ** 64n - 1n

/** A revision that a client asks for: a bigint where a number would not be exact. None of the store's is so large. */
export type WantedRevision = number | bigint

export function wantedRevision(digits: string): WantedRevision {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : BigInt(digits)
}

function parse(text: string): WantedRevision | string {
  if (text === '') return 0
  const quoted = JSON.stringify(text)
  const say = (why: string) => `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`
  if (!/^\d+$/.test(text)) return say('invalid syntax')
  if (BigInt(text) > UINT64_MAX) return say('value out of range')
  return wantedRevision(text)
}

/** For get and watch; undefined and '' are 0. Throws ApiError 500 without a reason, as Kubernetes answers there. */
export function parseResourceVersion(text: string | undefined): WantedRevision {
  const parsed = parse(text ?? '')
  if (typeof parsed !== 'string') return parsed
  throw new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: parsed,
    code: 500,
  })
}

/** For lists: ApiError 400 when it is no number. */
export function parseListResourceVersion(text: string): WantedRevision {
  const parsed = parse(text)
  if (typeof parsed !== 'string') return parsed
  throw badRequest(`invalid resource version: ${parsed}`)
}

export function tooLargeResourceVersion(wanted: WantedRevision, current: number): ApiError {
  return failure(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
