/** What was to be changed or taken away is not there. */
import { ApiError } from '../api/status.ts'

/** The API's 404 and 409 (another object has the name: not this uid), the runtime's not-found. */
export function isGone(error: unknown): boolean {
  if (error instanceof ApiError) return error.code === 404 || error.code === 409
  return (error as { code?: unknown }).code === 'not-found'
}
