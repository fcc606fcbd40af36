import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { RESOURCES } from '../../resources/index.ts'
import { requestInfo } from '../request-info.ts'
import { VIRTUAL_RESOURCES } from '../virtual/index.ts'
import { Warnings } from '../warnings.ts'
import { openApiHandler } from './handler.ts'
import { OpenApi } from './openapi.ts'

const reference = join(process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../../shared'), 'kubernetes-1.36')
const absent = !existsSync(reference)
const published = (path: string) =>
  JSON.parse(
    gunzipSync(readFileSync(join(reference, 'openapi-v3', `${path.replaceAll('/', '__')}.json.gz`))).toString(),
  )
const parsed = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? []).toString())

/** The order in which required fields are listed means nothing. */
const inOrder = (schema: unknown) => {
  const { required, ...rest } = schema as { required?: string[] }
  return { ...rest, required: required && [...required].sort() }
}

const SERVED = [...RESOURCES, ...VIRTUAL_RESOURCES]
const openApi = new OpenApi(SERVED, '1.36')
const index = parsed(openApi.index()).paths as Record<string, { serverRelativeURL: string }>

/** Answers of DELETE and schemas of DeleteOptions aside, what a served path says must be what Kubernetes publishes for it. */
describe('OpenAPI', () => {
  it('has an index with an address for every document', () => {
    expect(Object.keys(index)).toEqual(
      expect.arrayContaining(['api', 'api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'version']),
    )
    for (const [path, { serverRelativeURL }] of Object.entries(index)) {
      expect(serverRelativeURL).toMatch(new RegExp(`^/openapi/v3/${path}\\?hash=[0-9A-F]{32}$`))
      expect(openApi.v3(path)).toBeDefined()
    }
    expect(openApi.v3('nosuch')).toBeUndefined()
    expect(openApi.v3('api/v1')).toBe(openApi.v3('api/v1'))
  })

  it('gives the same hash for the same kinds, another for others', () => {
    expect(new OpenApi(SERVED, '1.36').index()).toEqual(openApi.index())
    const fewer = parsed(new OpenApi(SERVED.slice(1), '1.36').index()).paths
    expect(fewer['api/v1'].serverRelativeURL).not.toBe(index['api/v1']?.serverRelativeURL)
  })

  it.skipIf(absent).each(Object.keys(index))(
    `%s is what Kubernetes publishes${absent ? ' (no reference data here)' : ''}`,
    (path) => {
      const own = parsed(openApi.v3(path))
      const theirs = published(path)
      expect({ ...own, paths: 0, components: 0 }).toEqual({ ...theirs, paths: 0, components: 0 })
      for (const [name, item] of Object.entries(own.paths)) expect(item, name).toEqual(theirs.paths[name])
      for (const [name, schema] of Object.entries(own.components.schemas))
        expect(inOrder(schema), name).toEqual(inOrder(theirs.components.schemas[name]))
    },
  )

  it('refers to nothing that is missing', () => {
    for (const document of [...Object.keys(index).map((path) => parsed(openApi.v3(path))), parsed(openApi.v2())]) {
      const schemas = document.components?.schemas ?? document.definitions
      for (const [, name] of JSON.stringify(document).matchAll(
        /"\$ref":"#\/(?:components\/schemas|definitions)\/([^"]+)"/g,
      ))
        expect(schemas).toHaveProperty([name as string])
    }
  })

  it('writes version 2 for the same paths', () => {
    const v2 = parsed(openApi.v2())
    expect(v2.swagger).toBe('2.0')
    expect(Object.keys(v2.paths).sort()).toEqual(
      Object.keys(index)
        .flatMap((path) => Object.keys(parsed(openApi.v3(path)).paths))
        .sort(),
    )
    const patch = v2.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' })
    expect(patch.parameters.map((p: { name: string }) => p.name)).toContain('fieldValidation')
  })
})

describe('GET /openapi/v2', () => {
  const handler = openApiHandler(SERVED)
  const ask = async (headers: Record<string, string>) => {
    const request = { method: 'GET', path: '/openapi/v2', query: new URLSearchParams(), headers }
    const answer = await handler({
      request: { ...request, body: async () => undefined, signal: new AbortController().signal },
      info: requestInfo(request.method, request.path, request.query),
      user: { name: '', groups: [] },
      warnings: new Warnings(),
    })
    return answer ?? { status: 404, headers: {}, body: { type: 'empty' as const } }
  }
  const PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

  it.each([
    ['', 'application/json'],
    ['application/json', 'application/json'],
    ['application/*', 'application/json'],
    ['text/html, */*;q=0.8', 'application/json'],
    ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', PROTOBUF],
    [PROTOBUF, PROTOBUF],
    [`application/json;q=0.5, ${PROTOBUF}`, PROTOBUF],
    ['text/html', undefined],
  ])('accepting %j gives %s', async (accept, type) => {
    const { status, headers } = await ask(accept ? { accept } : {})
    expect([status, headers['content-type']]).toEqual(type ? [200, type] : [406, undefined])
  })

  it('is not sent again to a client that has it, whatever the form', async () => {
    for (const accept of ['application/json', PROTOBUF]) {
      const etag = String((await ask({ accept })).headers.etag)
      expect(etag).toMatch(/^"[0-9A-F]{32}"$/)
      expect(await ask({ accept, 'if-none-match': etag })).toMatchObject({ status: 304, body: { type: 'empty' } })
      expect((await ask({ accept, 'if-none-match': '"other"' })).status).toBe(200)
    }
  })
})
