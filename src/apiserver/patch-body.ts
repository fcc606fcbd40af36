import { badRequest, failure } from '../api/status.ts'
import type { Call } from './call.ts'

/** A patch, read once and applied as often as the object moves. */
export interface AppliedPatch {
  /** A new object; `current` stays as it is. */
  apply(current: unknown): unknown
}

const decoder = new TextDecoder()

export async function readPatch(call: Call): Promise<AppliedPatch> {
  const { request } = call.exchange
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim()
  const body = await request.body()
  const patch = body === undefined ? {} : 'object' in body ? body.object : JSON.parse(decoder.decode(body.bytes))
  if (type === 'application/merge-patch+json' || type === 'application/strategic-merge-patch+json')
    return { apply: (current) => merge(current, patch) }
  if (type === 'application/json-patch+json') throw badRequest('JSON patch comes later')
  throw failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const out: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key]
    else out[key] = merge(out[key], value)
  }
  return out
}
