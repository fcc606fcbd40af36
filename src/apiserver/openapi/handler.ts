/**
 * GET /openapi/v2, /openapi/v3 and what lies below it. The documents' module is loaded by the first request: it holds all
 * descriptions. Documents asked for by their hash may be kept for ever; clients keep kubectl fast that way.
 */
import { failure } from '../../api/status.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import type { Exchange } from '../exchange.ts'
import { methodNotAllowed, textResponse } from '../respond.ts'
import type { OpenApi } from './openapi.ts'
import type { DeclaredResource } from './resources.ts'

/** Kubernetes' minor version, as the documents state it. */
const DOCUMENT_VERSION = '1.36'
const PROTOBUF_V2 = /^application\/com\.github\.proto-openapi\.spec\.v2[.@]v1\.0\+protobuf/

export function openApiHandler(declarations: readonly DeclaredResource[]) {
  let loading: Promise<OpenApi> | undefined
  return (exchange: Exchange): Promise<ApiResponse> | undefined => {
    const { path, method } = exchange.request
    if (path !== '/openapi/v2' && path !== '/openapi/v3' && !path.startsWith('/openapi/v3/')) return undefined
    if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
    loading ??= import('./openapi.ts').then((module) => new module.OpenApi(declarations, DOCUMENT_VERSION))
    return loading.then((openApi) => answer(openApi, exchange))
  }
}

function answer(openApi: OpenApi, { request }: Exchange): ApiResponse {
  const path = request.path.replace(/\/$/, '')
  const accept = request.headers.accept
  if (path === '/openapi/v2') {
    if (accept?.split(',').every((type) => PROTOBUF_V2.test(type.trim()))) throw onlyJson()
    return document(openApi.v2(), { 'content-type': 'application/json' })
  }
  if (path === '/openapi/v3') return document(openApi.index(), { 'content-type': 'text/plain; charset=utf-8' })
  const name = path.slice('/openapi/v3/'.length)
  const hash = openApi.hash(name)
  if (hash === undefined) return { status: 404, headers: {}, body: { type: 'empty' } }
  const asked = request.query.get('hash')
  if (asked !== null && asked !== '' && asked !== hash) return redirect(`/openapi/v3/${name}?hash=${hash}`)
  const etag = `"${hash}"`
  const headers = { etag, ...(asked ? { 'cache-control': 'public, max-age=31536000, immutable' } : {}) }
  if (request.headers['if-none-match']?.includes(etag)) return { status: 304, headers, body: { type: 'empty' } }
  return document(openApi.v3(name), { ...headers, 'content-type': 'application/json' })
}

function document(bytes: Uint8Array | undefined, headers: Readonly<Record<string, string>>): ApiResponse {
  const body = bytes ?? new Uint8Array(0)
  return {
    status: 200,
    headers,
    body: {
      type: 'object',
      /** For in-process readers, who are rare here. */
      get object(): unknown {
        return JSON.parse(new TextDecoder().decode(body))
      },
      bytes: () => body,
    },
  }
}

/** A document has changed since the client read the index. */
function redirect(location: string): ApiResponse {
  const { headers, body } = textResponse('')
  return { status: 301, headers: { ...headers, location }, body }
}

function onlyJson(): Error {
  return failure(406, 'NotAcceptable', 'only the following media types are accepted: application/json')
}
