/** The body of a server-side apply: YAML, of which JSON is a part. */
import { badRequest } from '../api/status.ts'
import { type Pause, stepwise } from '../base/steps.ts'
import { BodyError, type FieldValidation, jsonSteps } from './decode.ts'
import type { RequestBody } from './exchange.ts'

const APPLY_TYPE = 'application/apply-patch+yaml'

export function isApply(contentType: string | undefined): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === APPLY_TYPE
}

export interface AppliedBody {
  readonly config: unknown
  /** Texts for Warning headers. */
  readonly warnings: readonly string[]
}

const decoder = new TextDecoder()

/** Throws ApiError 413 for too many values, 400 for what is no YAML, and for keys that come twice when validation is strict. */
export async function readApply(
  body: RequestBody,
  fieldValidation: FieldValidation,
  pause: Pause | undefined,
): Promise<AppliedBody> {
  if (body !== undefined && 'object' in body) return { config: body.object, warnings: [] }
  const bytes = body?.bytes ?? new Uint8Array(0)
  const json = await jsonOf(bytes, pause)
  if (json !== undefined) return { config: json, warnings: [] }
  const { yamlSteps, YamlSyntaxError } = await import('./yaml/parse.ts')
  try {
    const { value, duplicates } = await stepwise(yamlSteps(decoder.decode(bytes)), pause)
    if (duplicates.length === 0 || fieldValidation === 'Ignore') return { config: value, warnings: [] }
    const told = `error converting YAML to JSON: yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`
    if (fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: ${told}`)
    return { config: value, warnings: [told] }
  } catch (error) {
    if (error instanceof YamlSyntaxError)
      throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`)
    throw error
  }
}

/** Most clients send JSON; the YAML parser is not loaded for those. undefined: it is none. */
async function jsonOf(bytes: Uint8Array, pause: Pause | undefined): Promise<unknown> {
  try {
    return (await stepwise(jsonSteps(bytes), pause)).value
  } catch (error) {
    if (error instanceof BodyError) return undefined
    throw error
  }
}
