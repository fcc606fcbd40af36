/**
 * PATCH bodies: JSON patch, merge patch and strategic merge patch, from the bytes to a conformed object, with Kubernetes'
 * errors and warnings. A patch is read once and applied as often as the object moves under it.
 *
 *   const patch = readPatch({ body, contentType, definition, fieldValidation })   // 415 here
 *   const { object, warnings } = patch.apply(current)                             // everything else here
 */

import { goQuote } from '../api/go-quote.ts'
import { JsonPatchError, jsonPatchSteps, type Operation } from '../api/patch/json-patch.ts'
import { goText, isJsonObject, type Json, type JsonObject } from '../api/patch/json-value.ts'
import { applyMergePatch } from '../api/patch/merge-patch.ts'
import { applyStrategicMerge, StrategicMergeError } from '../api/patch/strategic-merge.ts'
import { type Definition, definition as definitionOf, definitionOfKind } from '../api/schema.ts'
import { ApiError, badRequest, failure } from '../api/status.ts'
import { own } from '../base/own.ts'
import { atOnce, type Steps } from '../base/steps.ts'
import { ConformError, conform, keysIn, type Words } from './conform.ts'
import { BodyError, type Decoded, type FieldValidation, notRegistered, parseJson } from './decode.ts'
import type { RequestBody } from './exchange.ts'
import { duplicateFields, STRICT_ERRORS_MAX } from './go-json.ts'

export interface PatchInput {
  readonly body: RequestBody
  readonly contentType: string | undefined
  /** Full name of the definition that is patched. */
  readonly definition: string
  readonly fieldValidation: FieldValidation
}

export interface Patch {
  /** A new, mutable object of the definition; `current` stays as it is. Throws ApiError 400, 413, 422 and 500. */
  apply<T = Record<string, unknown>>(current: object): Decoded<T>
  /** The same, step by step. */
  steps<T = Record<string, unknown>>(current: object): Steps<Decoded<T>>
}

/** More operations in one JSON patch are refused with 413. */
const OPERATIONS_MAX = 10_000

/** Throws ApiError 415 for a type that is no patch. */
export function readPatch(input: PatchInput): Patch {
  const type = (input.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase()
  const read = own(READERS, type ?? '')
  if (!read) throw failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
  let apply: ((current: object) => Steps<Applied>) | undefined
  return {
    apply<T>(current: object) {
      return atOnce(this.steps<T>(current))
    },
    *steps<T>(current: object) {
      try {
        apply ??= read(input)
        yield
        const applied = yield* apply(current)
        yield
        return finish(applied, input) as Decoded<T>
      } catch (error) {
        throw error instanceof RangeError ? badRequest('error decoding patch: exceeded max depth') : error
      }
    },
  }
}

interface Applied {
  readonly value: Json
  /** Strict errors of the patch itself. */
  readonly errors: readonly string[]
  /** How error messages show what was patched. */
  shown(): string
  readonly words: Words
}

const READERS: Readonly<Record<string, (input: PatchInput) => (current: object) => Steps<Applied>>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
}

/** The body's value and the duplicate fields in it; `prefix` goes before the sentence about a body that is no JSON. */
function parsed({ body, fieldValidation }: PatchInput, prefix: string): { value: Json; errors: readonly string[] } {
  if (body !== undefined && 'object' in body) return { value: body.object as Json, errors: [] }
  const bytes = body?.bytes ?? new Uint8Array(0)
  try {
    const parsed = parseJson(bytes)
    const value = parsed.value as Json
    const duplicates = fieldValidation !== 'Ignore' && parsed.keys !== keysIn(value)
    return { value, errors: duplicates ? duplicateFields(parsed.text ?? '') : [] }
  } catch (error) {
    if (error instanceof BodyError) throw badRequest(prefix + error.message.replace(/^json parse error: /, ''))
    throw error
  }
}

const goKind = (value: Json) =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value

function jsonPatch(input: PatchInput): (current: object) => Steps<Applied> {
  const { value, errors } = parsed(input, 'error decoding patch: ')
  if (!Array.isArray(value))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${goKind(value)} into Go value of type []handlers.jsonPatchOp`,
    )
  if (value.length > OPERATIONS_MAX) {
    const message = `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${value.length}`
    throw failure(413, 'RequestEntityTooLarge', `Request entity is too large: ${message}`)
  }
  const unknown: string[] = []
  const operations = value.map((operation, i) => operationOf(operation, i, unknown))
  const strict = [...unknown, ...errors].slice(0, STRICT_ERRORS_MAX).map((error) => `json patch ${error}`)
  return function* (current) {
    try {
      return textual(yield* jsonPatchSteps(current as Json, operations), strict)
    } catch (error) {
      if (!(error instanceof JsonPatchError)) throw error
      throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
    }
  }
}

const OPERATION_TEXTS: ReadonlySet<string> = new Set(['op', 'path', 'from'])

/** An element of a JSON patch; null is an operation that says nothing. Notes unknown members. */
function operationOf(operation: Json, i: number, unknown: string[]): Operation {
  if (operation === null) return {}
  const wrong = (value: Json, into: string) =>
    badRequest(`error decoding patch: json: cannot unmarshal ${goKind(value)} into Go ${into}`)
  if (!isJsonObject(operation)) throw wrong(operation, 'value of type handlers.jsonPatchOp')
  for (const [key, value] of Object.entries(operation)) {
    if (OPERATION_TEXTS.has(key)) {
      if (typeof value !== 'string' && value !== null)
        throw wrong(value, `struct field jsonPatchOp.${key} of type string`)
    } else if (key !== 'value' && unknown.length < STRICT_ERRORS_MAX)
      unknown.push(`unknown field ${goQuote(`[${i}].${key}`)}`)
  }
  return operation
}

function mergePatch(input: PatchInput): (current: object) => Steps<Applied> {
  const { value, errors } = parsed(input, 'error decoding patch: ')
  if (value === null) throw badRequest('Invalid JSON Patch')
  if (!isJsonObject(value)) throw badRequest(`error decoding patch: ${notAMap(value)}`)
  return function* (current) {
    const merged = applyMergePatch(current as Json, value)
    yield
    return textual(merged, errors)
  }
}

const notAMap = (value: Json) => `json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`

/** A result that Kubernetes decodes again from its text. */
function textual(value: Json, errors: readonly string[]): Applied {
  const shown = () => JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
  return { value, errors, shown, words: 'json' }
}

function strategicMergePatch(input: PatchInput): (current: object) => Steps<Applied> {
  const { value, errors } = parsed(input, '')
  const patch = value ?? {}
  if (!isJsonObject(patch)) throw badRequest(notAMap(patch))
  const definition = definitionOf(input.definition)
  return function* (current) {
    try {
      const merged = applyStrategicMerge(current as JsonObject, patch, definition)
      return { value: merged, errors, shown: () => goText(patch), words: 'generic' }
    } catch (error) {
      if (error instanceof StrategicMergeError) throw refused(error)
      throw error
    }
  }
}

function refused({ code, message }: StrategicMergeError): ApiError {
  if (code === 400) return badRequest(message)
  if (code === 413) return failure(413, 'RequestEntityTooLarge', `Request entity is too large: ${message}`)
  if (code === 422) return failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code })
}

/** The patched value as an object of the definition, or 422 with what is wrong about it. */
function finish(applied: Applied, input: PatchInput): Decoded {
  const refuse = (why: string) => invalidPatch(applied.shown(), why)
  try {
    const definition = patchedDefinition(applied, definitionOf(input.definition))
    const { object, unknown } = conform(applied.value as object, definition, applied.words)
    if (definition.name !== input.definition) throw new ConformError(`the patch made a ${definition.short} of it`)
    if (input.fieldValidation === 'Ignore') return { object, warnings: [] }
    const errors = [...applied.errors, ...unknown.map((path) => `unknown field ${goQuote(path)}`)]
    if (errors.length > 0 && input.fieldValidation === 'Strict')
      throw refuse(`strict decoding error: ${errors.join(', ')}`)
    return { object, warnings: errors }
  } catch (error) {
    throw error instanceof ConformError ? refuse(error.message) : error
  }
}

/** What the patched value says it is. Throws ConformError when that is nothing known. */
function patchedDefinition({ value, shown }: Applied, expected: Definition): Definition {
  if (!isJsonObject(value)) throw new ConformError(notAMap(value))
  const { kind, apiVersion } = value
  if (typeof kind !== 'string' || kind === '') throw new ConformError(`Object 'Kind' is missing in '${shown()}'`)
  if (typeof apiVersion !== 'string' || apiVersion === '')
    throw new ConformError(`Object 'apiVersion' is missing in '${shown()}'`)
  const slash = apiVersion.indexOf('/')
  const gvk = { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), kind }
  if (expected.kinds.some((k) => k.kind === gvk.kind && k.group === gvk.group && k.version === gvk.version))
    return expected
  const other = definitionOfKind(gvk)
  if (!other) throw new ConformError(notRegistered(gvk))
  return other
}

function invalidPatch(shown: string, why: string): ApiError {
  const message = `Invalid value: ${JSON.stringify(shown)}: ${why}`
  return failure(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  })
}
