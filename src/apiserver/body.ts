/** From a request's body to a draft of the resource's kind. */
import type { DeleteOptions, Draft, KubernetesObject } from '../api/object.ts'
import { type Pause, stepwise } from '../base/steps.ts'
import { ONE_TURN_BYTES_MAX } from '../registry/kit.ts'
import { type Decoded, decodeObject, decodeOptions, type FieldValidation } from '../wire/decode.ts'
import type { RequestBody } from '../wire/exchange.ts'
import { readPatch } from '../wire/patch.ts'
import { type Call, warn } from './call.ts'
import type { Exchange } from './exchange.ts'

interface Validation {
  readonly fieldValidation: FieldValidation
}

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'

/** The body as a new, mutable object of the resource's kind, not yet defaulted. */
export async function readObject(call: Call, query: Validation): Promise<Draft<KubernetesObject>> {
  return readDefinition(call, call.resource.declaration.definition, query)
}

/** The body as an object of another kind: Scale, Binding, Eviction. */
export function readDefinition<T extends KubernetesObject>(
  call: Call,
  definition: string,
  query: Validation,
): Promise<Draft<T>> {
  return readForeign(call.exchange, definition, query)
}

/** The same where no stored resource is concerned: reviews. */
export async function readForeign<T extends KubernetesObject>(
  exchange: Exchange,
  definition: string,
  { fieldValidation }: Validation,
): Promise<Draft<T>> {
  const contentType = exchange.request.headers['content-type']
  const body = await bodyOf(exchange)
  const { pause } = exchange
  const decoding = decodeObject<Draft<T>>({ body, contentType, definition, fieldValidation, pause })
  const { object, warnings } = decoding instanceof Promise ? await decoding : decoding
  for (const text of warnings) warn({ exchange }, text)
  if (exchange.pause) await exchange.pause()
  return object
}

/** The body of a request; of a large one the rest is done in steps. */
export async function bodyOf(exchange: Exchange): Promise<RequestBody> {
  const { request } = exchange
  const body = await request.body()
  if (request.pause && body !== undefined && 'bytes' in body && body.bytes.length > ONE_TURN_BYTES_MAX) {
    exchange.pause = request.pause
    await exchange.pause()
  }
  return body
}

/** undefined when there is no body: then the query holds the options. */
export async function readDeleteBody(call: Call): Promise<DeleteOptions | undefined> {
  const of = { definition: DELETE_OPTIONS, version: call.resource.declaration }
  const body = await bodyOf(call.exchange)
  const { request, pause } = call.exchange
  return decodeOptions<DeleteOptions>(body, request.headers['content-type'], { ...of, pause })
}

/** A patch of the call's body, read once; applied, it gives a new, mutable object of the definition. */
export async function readPatchOf(
  call: Call,
  definition: string,
  { fieldValidation }: Validation,
): Promise<(current: object, pause?: Pause) => Promise<Draft<KubernetesObject>> | Draft<KubernetesObject>> {
  const { request } = call.exchange
  const contentType = request.headers['content-type']
  const patch = readPatch({ body: await bodyOf(call.exchange), contentType, definition, fieldValidation })
  const told = ({ object, warnings }: Decoded<Draft<KubernetesObject>>) => {
    for (const text of warnings) warn(call, text)
    return object
  }
  return (current, pause) => {
    const made = stepwise(patch.steps<Draft<KubernetesObject>>(current), pause)
    return made instanceof Promise ? made.then(told) : told(made)
  }
}
