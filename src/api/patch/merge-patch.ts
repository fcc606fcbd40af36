/** JSON merge patch (RFC 7386): objects merge, null removes, everything else replaces. */
import { isJsonObject, type Json, sorted } from './json-value.ts'

/** A new value; neither argument changes, untouched parts are shared. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isJsonObject(patch)) return patch
  const out = new Map<string, Json>(isJsonObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) out.delete(key)
    else out.set(key, applyMergePatch(out.get(key) ?? null, value))
  }
  return sorted(out)
}
