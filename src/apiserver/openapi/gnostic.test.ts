import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { RESOURCES } from '../../resources/index.ts'
import { ProtobufReader } from '../../wire/protobuf-reader.ts'
import { VIRTUAL_RESOURCES } from '../virtual/index.ts'
import { documentProtobuf } from './gnostic.ts'
import { OpenApi } from './openapi.ts'

const openApi = new OpenApi([...RESOURCES, ...VIRTUAL_RESOURCES], '1.36')
const ownV2 = JSON.parse(Buffer.from(openApi.v2()).toString())
const shared = process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../../shared')
const swagger = join(shared, 'kubernetes-1.36/swagger.json.gz')
const absent = !existsSync(swagger)

const utf8 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()

/** The length-delimited fields with this number in a message. */
function fields(bytes: Uint8Array | undefined, number: number): Uint8Array[] {
  const reader = new ProtobufReader(bytes ?? new Uint8Array(0))
  const found: Uint8Array[] = []
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.number === number && tag.wire === 2) found.push(reader.bytes())
    else reader.skip(tag.wire)
  }
  return found
}

/** Named entries of a map message: { field: { 1: name, 2: value } }. */
function named(bytes: Uint8Array | undefined, field: number): Map<string, Uint8Array | undefined> {
  return new Map(fields(bytes, field).map((entry) => [utf8(fields(entry, 1)[0]), fields(entry, 2)[0]]))
}

const extensionOf = (message: Uint8Array | undefined, number: number, name: string) =>
  JSON.parse(utf8(fields(named(message, number).get(name), 2)[0]))

/** What a Schema message says, in the form of its JSON. */
function schemaOf(bytes: Uint8Array | undefined): Record<string, unknown> {
  const one = (number: number) => fields(bytes, number)[0]
  const out: Record<string, unknown> = {}
  for (const [name, number] of Object.entries({ $ref: 1, format: 2, description: 4 }))
    if (one(number)) out[name] = utf8(one(number))
  if (one(22)) out.type = utf8(fields(one(22), 1)[0])
  if (fields(bytes, 19).length) out.required = fields(bytes, 19).map(utf8)
  if (one(21)) out.additionalProperties = schemaOf(fields(one(21), 1)[0])
  if (one(23)) out.items = schemaOf(fields(one(23), 1)[0])
  if (one(25))
    out.properties = Object.fromEntries([...named(one(25), 1)].map(([name, value]) => [name, schemaOf(value)]))
  for (const name of named(bytes, 31).keys()) out[name] = extensionOf(bytes, 31, name)
  return out
}

function check(document: { definitions: object; paths: object }, bytes: Uint8Array): void {
  const definitions = named(fields(bytes, 9)[0], 1)
  expect([...definitions.keys()]).toEqual(Object.keys(document.definitions))
  for (const [name, schema] of Object.entries(document.definitions))
    expect(schemaOf(definitions.get(name)), name).toEqual(schema)
  const paths = named(fields(bytes, 8)[0], 2)
  expect([...paths.keys()]).toEqual(Object.keys(document.paths))
  const METHODS = { get: 2, put: 3, post: 4, delete: 5, patch: 8 }
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, number] of Object.entries(METHODS)) {
      const operation = fields(paths.get(path), number)[0]
      const said = item[method]
      expect(operation !== undefined, `${method} ${path}`).toBe(said !== undefined)
      if (!said) continue
      expect(utf8(fields(operation, 5)[0])).toBe(said.operationId)
      expect(fields(operation, 8)).toHaveLength(said.parameters?.length ?? 0)
      expect([...named(fields(operation, 9)[0], 1).keys()]).toEqual(Object.keys(said.responses))
      const kind = said['x-kubernetes-group-version-kind']
      if (kind) expect(extensionOf(operation, 13, 'x-kubernetes-group-version-kind')).toEqual(kind)
    }
}

describe('OpenAPI 2 in protobuf', () => {
  it('says what the JSON document says', () => {
    const bytes = openApi.v2Protobuf()
    check(ownV2, bytes)
    expect(openApi.v2Protobuf()).toBe(bytes)
  })

  it('marks where a parameter is by the message it is in', () => {
    const paths = named(fields(openApi.v2Protobuf(), 8)[0], 2)
    const item = paths.get('/api/v1/namespaces/{namespace}/pods/{name}')
    const places = fields(item, 9).map((parameter) => {
      const other = fields(fields(parameter, 1)[0], 2)[0]
      const [query, path] = [fields(other, 3)[0], fields(other, 4)[0]]
      return query ? `query ${utf8(fields(query, 4)[0])}` : `path ${utf8(fields(path, 4)[0])}`
    })
    expect(places.sort()).toEqual(['path name', 'path namespace', 'query pretty'])
    const [body] = fields(fields(item, 3)[0], 8).map((parameter) => fields(fields(parameter, 1)[0], 1)[0])
    expect(utf8(fields(body, 2)[0])).toBe('body')
    expect(schemaOf(fields(body, 5)[0])).toEqual({ $ref: '#/definitions/io.k8s.api.core.v1.Pod' })
  })

  it.skipIf(absent)(
    `holds all definitions that Kubernetes publishes${absent ? ' (no reference data here)' : ''}`,
    () => {
      // Its paths name shared parameters, which ours spell out.
      const document = { ...JSON.parse(gunzipSync(readFileSync(swagger)).toString()), paths: {}, parameters: {} }
      check(document, documentProtobuf(document))
    },
  )
})
