/**
 * From the bytes of a request to an object of a definition, with Kubernetes' errors and warnings on the way.
 *
 *   const { object, warnings } = await decodeObject({ body, contentType, definition, fieldValidation: 'Warn' })
 *
 * JSON costs one JSON.parse, one count of keys and one walk over the schema. Duplicate keys are looked for only when the
 * text has more keys than the parsed value.
 */

import { goQuote } from '../api/go-quote.ts'
import {
  type Definition,
  definition as definitionOf,
  definitionOfKind,
  type GroupVersionKind as Kind,
} from '../api/schema.ts'
import { type ApiError, badRequest, failure } from '../api/status.ts'
import { atOnce, type Pause, type Steps, stepwise } from '../base/steps.ts'
import { ConformError, conform } from './conform.ts'
import type { RequestBody } from './exchange.ts'
import { jsonSyntaxError, shapeOf, strictErrors } from './go-json.ts'
import { EXACT_DIGITS, inexact, roundedInteger } from './integers.ts'
import { MEMBERS_MAX, NESTING_MAX, tooManyMembers, tooManyValues, VALUES_MAX } from './limits.ts'

/** What to do with unknown and duplicate fields: refuse, warn (the default), or drop them silently. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface DecodeInput {
  readonly body: RequestBody
  /** As sent; parameters are ignored, nothing means JSON. */
  readonly contentType: string | undefined
  /** Full name, `io.k8s.api.core.v1.Pod`. */
  readonly definition: string
  readonly fieldValidation: FieldValidation
  /** Lets others go first between reading the text and what is made of it. */
  readonly pause?: Pause | undefined
}

export interface Decoded<T = Record<string, unknown>> {
  /** New, mutable, with kind and apiVersion filled in. */
  readonly object: T
  /** Texts for Warning headers. */
  readonly warnings: readonly string[]
}

const ACCEPTED = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'

/** 415 for a body that is neither JSON, YAML nor protobuf; `accepted` for endpoints that take other types, such as PATCH. */
function unsupportedMediaType(accepted = ACCEPTED): ApiError {
  return failure(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  )
}

/** A body as a value: JSON.parse or YAML, and how to find out about duplicate fields. */
interface ParsedBody {
  readonly value: unknown
  readonly bytes: Uint8Array
  /** The JSON text, and how many keys its objects have; undefined for YAML and for objects handed over in-process. */
  readonly text?: string
  readonly keys?: number
  /** Duplicate keys that YAML's parser saw. */
  readonly duplicates: readonly string[]
}

/** A body that cannot be parsed, with Go's sentence. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly bytes: Uint8Array
  /** Set when the body was good enough to say what it is. */
  readonly apiVersion: string | undefined
  constructor(message: string, bytes: Uint8Array, apiVersion?: string) {
    super(message)
    this.bytes = bytes
    this.apiVersion = apiVersion
  }
}

/** What a body is taken for. */
interface Expected {
  readonly definition: Definition
  /** Options are the same in every version of every group; clients send them with the one of the resource that they mean. */
  readonly anyVersion: boolean
  readonly pause: Pause | undefined
}

const decoder = new TextDecoder()
const NOTHING = new Uint8Array(0)

/** Throws ApiError 413 and 415, and BodyError. */
function parseBody(
  body: RequestBody,
  contentType: string | undefined,
  expected: Expected,
): ParsedBody | Promise<ParsedBody> {
  if (body !== undefined && 'object' in body) return { value: body.object, bytes: NOTHING, duplicates: [] }
  const bytes = body?.bytes ?? NOTHING
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() || 'application/json'
  if (type === 'application/json') return stepwise(jsonSteps(bytes), expected.pause)
  if (type === 'application/yaml') return parseYamlBody(bytes, expected.pause)
  if (type === 'application/vnd.kubernetes.protobuf') return parseProtobuf(bytes, expected)
  throw unsupportedMediaType()
}

/** Throws BodyError for what is no JSON, ApiError 413 for more values than a body may have, 400 for numbers that would be rounded. */
export const parseJson = (bytes: Uint8Array): ParsedBody => atOnce(jsonSteps(bytes))

export function* jsonSteps(bytes: Uint8Array): Steps<ParsedBody> {
  const text = decoder.decode(bytes)
  const { keys, depth, values, members, digits } = shapeOf(bytes)
  if (depth > NESTING_MAX) throw new BodyError('json parse error: exceeded max depth', bytes)
  if (values > VALUES_MAX) throw tooManyValues()
  // Who manages an object names its parts, and the object itself.
  if (members > MEMBERS_MAX + 1) throw tooManyMembers()
  yield
  const value = jsonValue(text)
  yield
  if (value === undefined) throw new BodyError(`json parse error: ${jsonSyntaxError(text) ?? 'invalid JSON'}`, bytes)
  const rounded = digits > EXACT_DIGITS ? roundedInteger(text) : undefined
  if (rounded !== undefined) throw inexact(rounded)
  return { value, bytes, text, keys, duplicates: [] }
}

/** undefined: it is no JSON. */
function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Field numbers are loaded when the first client sends them. */
async function parseProtobuf(bytes: Uint8Array, { definition, anyVersion }: Expected): Promise<ParsedBody> {
  const { decodeProtobuf, ProtobufError } = await import('./protobuf.ts')
  try {
    return { value: decodeProtobuf(bytes, definition, anyVersion), bytes, duplicates: [] }
  } catch (error) {
    throw error instanceof ProtobufError ? new BodyError(error.message, bytes, error.apiVersion) : error
  }
}

async function parseYamlBody(bytes: Uint8Array, pause: Pause | undefined): Promise<ParsedBody> {
  const { yamlSteps, YamlSyntaxError } = await import('./yaml/parse.ts')
  try {
    return { ...(await stepwise(yamlSteps(decoder.decode(bytes)), pause)), bytes }
  } catch (error) {
    throw error instanceof YamlSyntaxError ? new BodyError(error.message, bytes) : error
  }
}

/** Throws ApiError 400, 413 and 415. Synchronous for JSON, a promise for YAML. */
export function decodeObject<T = Record<string, unknown>>(input: DecodeInput): Decoded<T> | Promise<Decoded<T>> {
  const definition = definitionOf(input.definition)
  const { pause } = input
  const finish = (parsed: ParsedBody) => decodeParsed(parsed, definition, input.fieldValidation) as Decoded<T>
  const finishLater = async (parsing: ParsedBody | Promise<ParsedBody>) => {
    try {
      const parsed = await parsing
      if (pause) await pause()
      return finish(parsed)
    } catch (error) {
      throw unreadable(error, definition)
    }
  }
  try {
    const parsed = parseBody(input.body, input.contentType, { definition, anyVersion: false, pause })
    return parsed instanceof Promise || pause ? finishLater(parsed) : finish(parsed)
  } catch (error) {
    throw unreadable(error, definition)
  }
}

/** 400 for a body that did not parse, naming what was expected and how the body began. */
function unreadable(error: unknown, definition: Definition): unknown {
  if (!(error instanceof BodyError)) return error
  if (error.apiVersion !== undefined) return cannotHandle(error.apiVersion, definition, error.message)
  return badRequest(
    `the object provided is unrecognized (must be of type ${definition.short}): ${told(error)} (${summary(error.bytes)})`,
  )
}

function told({ message }: BodyError): string {
  return message.startsWith('json') ? `couldn't get version/kind; ${message}` : message
}

const SUMMARY_BYTES_MAX = 30

function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>'
  const head = bytes.subarray(0, SUMMARY_BYTES_MAX)
  const hex = () => [...head].map((b) => b.toString(16).padStart(2, '0')).join('')
  return (bytes[0] === 0x7b ? decoder.decode(head) : hex()) + (bytes.length > SUMMARY_BYTES_MAX ? ' ...' : '')
}

function decodeParsed(parsed: ParsedBody, definition: Definition, fieldValidation: FieldValidation): Decoded {
  const value = parsed.value ?? {}
  const own = definition.kinds[0] ?? { group: '', version: '', kind: definition.short }
  const kind = typeMeta(value, parsed.bytes, own)
  const expected = definition.kinds.find((k) => k.group === kind.group && k.version === kind.version) ?? own
  if (kind.kind !== expected.kind || kind.group !== expected.group || kind.version !== expected.version)
    throw wrongKind(kind, definition)
  const { object, errors } = checked(parsed, value as object, definition, fieldValidation)
  return { object: typed(object, expected), warnings: errors }
}

/** With kind and apiVersion set, as the first keys. */
function typed(object: Record<string, unknown>, kind: Kind): Record<string, unknown> {
  const apiVersion = versionText(kind)
  if (object.kind === kind.kind && object.apiVersion === apiVersion) return object
  return Object.assign({ kind: kind.kind, apiVersion }, object, { kind: kind.kind, apiVersion })
}

/** The walk, with what Kubernetes calls strict decoding errors: thrown when Strict, returned as warnings when Warn. */
function checked(parsed: ParsedBody, value: object, definition: Definition, fieldValidation: FieldValidation) {
  const because = (why: string) => cannotHandle(versionText(definition.kinds[0]), definition, why)
  try {
    const { object, unknown, keys } = conform(value, definition)
    if (fieldValidation === 'Ignore') return { object, errors: [] }
    const errors = strictErrorsOf(parsed, definition, unknown, keys)
    if (errors.length === 0 || fieldValidation === 'Warn') return { object, errors }
    const yaml = parsed.duplicates.length > 0 ? 'yaml: unmarshal errors:\n  ' : ''
    throw because(`strict decoding error: ${yaml}${errors.join(', ')}`)
  } catch (error) {
    throw error instanceof ConformError ? because(error.message) : error
  }
}

/** Unknown and duplicate fields of a body, given what the walk over its value found. */
function strictErrorsOf(
  parsed: ParsedBody,
  definition: Definition,
  unknown: readonly string[],
  keys: number,
): string[] {
  if (parsed.text !== undefined && parsed.keys !== keys) return strictErrors(parsed.text, definition)
  return [...parsed.duplicates, ...unknown.map((path) => `unknown field ${goQuote(path)}`)]
}

const versionText = (k: Kind | undefined) => (k === undefined ? '' : k.group ? `${k.group}/${k.version}` : k.version)

/** kind and apiVersion of a body, where they are missing those of `own`. Throws BodyError. */
function typeMeta(value: unknown, bytes: Uint8Array, own: Kind): Kind {
  const refuse = (why: string) => new BodyError(`json parse error: json: cannot unmarshal ${why}`, bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    throw refuse(
      `${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    )
  }
  const { apiVersion, kind } = value as Record<string, unknown>
  for (const [name, text] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ])
    if (text !== undefined && text !== null && typeof text !== 'string')
      throw refuse(`${typeof text === 'boolean' ? 'bool' : typeof text} into Go struct field .${name} of type string`)
  const parts = String(apiVersion ?? '').split('/')
  if (parts.length > 2) throw new BodyError(`unexpected GroupVersion string: ${apiVersion}`, bytes)
  const given =
    parts.length === 2 ? { group: parts[0] ?? '', version: parts[1] ?? '' } : { group: '', version: parts[0] ?? '' }
  const filled = given.version === '' && (given.group === '' || given.group === own.group) ? own : given
  return { group: filled.group, version: filled.version, kind: String(kind ?? '') || own.kind }
}

function cannotHandle(apiVersion: string, definition: Definition, why: string, kind = definition.short): ApiError {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${definition.short}: ${why}`)
}

/** Where real servers register their kinds; part of the sentence about an unknown one. */
const SCHEME = '"pkg/api/legacyscheme/scheme.go:30"'

export function notRegistered(kind: Kind, scheme = SCHEME): string {
  return `no kind ${JSON.stringify(kind.kind)} is registered for version ${JSON.stringify(versionText(kind))} in scheme ${scheme}`
}

function wrongKind(kind: Kind, definition: Definition): ApiError {
  const text = versionText(kind)
  const group = definition.name.split('.').at(-3)
  const why = definitionOfKind(kind)
    ? `converting (${kind.version}.${kind.kind}) to (${group}.${definition.short}): unknown conversion`
    : notRegistered(kind)
  return cannotHandle(text, definition, why, kind.kind)
}

/** Where real servers register the kinds of options; part of the sentence about another one. */
const OPTIONS_SCHEME = '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"'

interface OptionsKind {
  readonly definition: string
  readonly version: Omit<Kind, 'kind'>
  readonly pause?: Pause | undefined
}

/**
 * DeleteOptions and their like: unknown fields and other versions are let through, errors carry no prefix. An empty body
 * gives undefined. `version`: what a body without an apiVersion is of. Throws ApiError 400 and 415.
 */
export async function decodeOptions<T>(
  body: RequestBody,
  contentType: string | undefined,
  { definition: name, version, pause }: OptionsKind,
): Promise<T | undefined> {
  if (body === undefined || ('bytes' in body && body.bytes.length === 0)) return undefined
  const definition = definitionOf(name)
  try {
    const parsed = await parseBody(body, contentType, { definition, anyVersion: true, pause })
    if (pause) await pause()
    const value = parsed.value ?? {}
    const kind = typeMeta(value, parsed.bytes, { ...version, kind: definition.short })
    if (kind.kind !== definition.short) throw badRequest(notRegistered(kind, OPTIONS_SCHEME))
    return conform(value as object, definition).object as T
  } catch (error) {
    if (error instanceof ConformError) throw badRequest(error.message)
    throw error instanceof BodyError ? badRequest(told(error)) : error
  }
}
