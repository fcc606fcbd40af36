/** From a request's body to a draft of the resource's kind. */
import { invalidObject } from '../api/field-error.ts'
import type { DeleteOptions, Draft, KubernetesObject } from '../api/object.ts'
import { badRequest } from '../api/status.ts'
import { ConformError } from '../wire/conform.ts'
import { decodeObject, decodeOptions, type FieldValidation, pruneAndCheck } from '../wire/decode.ts'
import { type Call, warn } from './call.ts'

interface Validation {
  readonly fieldValidation: FieldValidation
}

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'

/** The body as a new, mutable object of the resource's kind, not yet defaulted. */
export async function readObject(call: Call, query: Validation): Promise<Draft<KubernetesObject>> {
  return readDefinition(call, call.resource.declaration.definition, query)
}

/** The body as an object of another kind: Scale, Binding, Eviction. */
export async function readDefinition<T extends KubernetesObject>(
  call: Call,
  definition: string,
  { fieldValidation }: Validation,
): Promise<Draft<T>> {
  const { request } = call.exchange
  const body = await request.body()
  const contentType = request.headers['content-type']
  const decoding = decodeObject<Draft<T>>({ body, contentType, definition, fieldValidation })
  const { object, warnings } = decoding instanceof Promise ? await decoding : decoding
  for (const text of warnings) warn(call, text)
  return object
}

/** undefined when there is no body: then the query holds the options. */
export async function readDeleteBody(call: Call): Promise<DeleteOptions | undefined> {
  const { request } = call.exchange
  const body = await request.body()
  if (body === undefined || ('bytes' in body && body.bytes.length === 0)) return undefined
  return decodeOptions<DeleteOptions>(body, request.headers['content-type'], DELETE_OPTIONS)
}

/** The result of a patch as an object of the kind: pruned, and checked like a body. */
export function decodePatched(call: Call, { fieldValidation }: Validation, patched: unknown): Draft<KubernetesObject> {
  const { declaration, apiVersion } = call.resource
  const { kind, definition } = declaration
  const refuse = (why: string) =>
    invalidObject({ group: '', resource: '', kind: '' }, '', [
      {
        type: 'FieldValueInvalid',
        field: 'patch',
        message: `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${why}`,
      },
    ])
  const { kind: patchedKind, apiVersion: patchedVersion } = patched as KubernetesObject
  if (patchedKind !== kind || patchedVersion !== apiVersion)
    throw refuse(`no kind "${patchedKind}" is registered for version "${patchedVersion}"`)
  try {
    const { object, strictErrors } = pruneAndCheck<Draft<KubernetesObject>>(patched as object, definition)
    if (fieldValidation === 'Strict' && strictErrors.length > 0)
      throw badRequest(`strict decoding error: ${strictErrors.join(', ')}`)
    if (fieldValidation === 'Warn') for (const text of strictErrors) warn(call, text)
    object.kind = kind
    object.apiVersion = apiVersion
    return object
  } catch (error) {
    throw error instanceof ConformError ? refuse(error.message) : error
  }
}
