/**
 * An OpenAPI 2 document in protobuf, as kubectl and client-go ask for it: the message openapi.v2.Document of
 * github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto. Written from the JSON form by a table of field numbers.
 *
 *   documentProtobuf(documentV2(parts, '1.36'))   // bytes
 */
import { assert } from '../../base/assert.ts'
import { ProtobufWriter } from '../../wire/protobuf-writer.ts'
import type { Schema } from './schemas.ts'

/** Writes a value of the JSON document as the field `number`. */
type Write = (out: ProtobufWriter, number: number, value: unknown) => void

/** Members of a JSON object: the number of each, and how it is written. */
type Fields = Readonly<Record<string, readonly [number: number, write: Write]>>

const text: Write = (out, number, value) => out.text(number, String(value))
const boolean: Write = (out, number, value) => out.integer(number, value ? 1 : 0)

/** What has no message of its own travels as YAML; JSON is YAML. */
const any: Write = (out, number, value) => out.message(number, (inner) => inner.text(2, JSON.stringify(value)))

const each =
  (write: Write): Write =>
  (out, number, value) => {
    for (const item of value as unknown[]) write(out, number, item)
  }

/** A message that has the value as its only field. */
const within =
  (field: number, write: Write): Write =>
  (out, number, value) =>
    out.message(number, (inner) => write(inner, field, value))

/** A message that has the entries of a JSON object as a list: { 1: name, 2: value }. */
const entries = (field: number, write: Write): Write => within(field, entriesAs(write))

const entriesAs =
  (write: Write): Write =>
  (out, number, value) => {
    for (const [name, content] of Object.entries(value as Schema))
      out.message(number, (entry) => write(entry.text(1, name), 2, content))
  }

/** A JSON object as a message. Members `x-...` become a list of entries under the number `extensions`. */
const message =
  (fields: Fields, extensions: number): Write =>
  (out, number, value) =>
    out.message(number, (inner) => writeMembers(inner, value as Schema, { fields, extensions }))

function writeMembers(
  out: ProtobufWriter,
  value: Schema,
  { fields, extensions }: { fields: Fields; extensions: number },
): void {
  for (const [name, content] of Object.entries(value)) {
    const field = fields[name]
    if (field) field[1](out, field[0], content)
    else {
      assert(name.startsWith('x-'), `no field of OpenAPI 2 in protobuf for ${name}`)
      entriesAs(any)(out, extensions, { [name]: content })
    }
  }
}

/** Schemas hold schemas: the table below is looked up when it is complete. */
const schema: Write = (out, number, value) => message(SCHEMA, 31)(out, number, value)

const SCHEMA: Fields = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, any],
  required: [19, each(text)],
  enum: [20, each(any)],
  additionalProperties: [21, within(1, schema)],
  type: [22, within(1, text)],
  items: [23, within(1, schema)],
  allOf: [24, each(schema)],
  properties: [25, entries(1, schema)],
}

const BODY = message(
  { description: [1, text], name: [2, text], in: [3, text], required: [4, boolean], schema: [5, schema] },
  6,
)

const PATH = message(
  {
    required: [1, boolean],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [5, text],
    uniqueItems: [18, boolean],
  },
  22,
)
const QUERY = message(
  {
    required: [1, boolean],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [6, text],
    uniqueItems: [19, boolean],
  },
  23,
)

/** Parameter { BodyParameter | NonBodyParameter { query or path } } */
const parameter: Write = (out, number, value) => {
  const place = (value as { in: string }).in
  const write = place === 'body' ? within(1, BODY) : within(2, place === 'path' ? within(4, PATH) : within(3, QUERY))
  write(out, number, value)
}

const parameters = each(within(1, parameter))

const RESPONSE = message({ description: [1, text], schema: [2, within(1, schema)] }, 5)

const OPERATION = message(
  {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, parameters],
    responses: [9, entries(1, within(1, RESPONSE))],
    schemes: [10, each(text)],
  },
  13,
)

const PATH_ITEM = message(
  {
    get: [2, OPERATION],
    put: [3, OPERATION],
    post: [4, OPERATION],
    delete: [5, OPERATION],
    patch: [8, OPERATION],
    parameters: [9, parameters],
  },
  10,
)

const API_KEY = message({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }, 5)

const DOCUMENT: Fields = {
  swagger: [1, text],
  info: [2, message({ title: [1, text], version: [2, text] }, 7)],
  paths: [8, entries(2, PATH_ITEM)],
  definitions: [9, entries(1, schema)],
  parameters: [10, entries(1, parameter)],
  security: [12, each(entries(1, within(1, each(text))))],
  securityDefinitions: [13, entries(1, within(2, API_KEY))],
}

/** `document` is what documentV2 makes. */
export function documentProtobuf(document: Schema): Uint8Array {
  const out = new ProtobufWriter()
  writeMembers(out, document, { fields: DOCUMENT, extensions: 16 })
  return out.done()
}
