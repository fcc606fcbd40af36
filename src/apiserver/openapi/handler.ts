/**
 * GET /openapi/v2, /openapi/v3 and what lies below it. The documents' module is loaded by the first request: it holds all
 * descriptions. Documents asked for by their hash may be kept for ever; clients keep kubectl fast that way.
 */
import type { ApiRequest, ApiResponse } from '../../wire/exchange.ts'
import { mediaRanges } from '../../wire/negotiate.ts'
import type { Exchange } from '../exchange.ts'
import { methodNotAllowed, textResponse } from '../respond.ts'
import type { OpenApi } from './openapi.ts'
import type { DeclaredResource } from './resources.ts'

/** Kubernetes' minor version, as the documents state it. */
const DOCUMENT_VERSION = '1.36'
/** The forms of version 2 by the media types that ask for them, as Kubernetes lists them; `@` is the way of older clients. */
const FORMS_V2: readonly { readonly type: string; readonly content: string; bytes(openApi: OpenApi): Uint8Array }[] = [
  { type: 'application/json', content: 'application/json', bytes: (openApi) => openApi.v2() },
  ...['@', '.'].map((sign) => ({
    type: `application/com.github.proto-openapi.spec.v2${sign}v1.0+protobuf`,
    content: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    bytes: (openApi: OpenApi) => openApi.v2Protobuf(),
  })),
]

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
  if (path === '/openapi/v2') return version2(openApi, request.headers)
  if (path === '/openapi/v3') return document(openApi.index(), { 'content-type': 'text/plain; charset=utf-8' })
  const name = path.slice('/openapi/v3/'.length)
  const hash = openApi.hash(name)
  if (hash === undefined) return { status: 404, headers: {}, body: { type: 'empty' } }
  const asked = request.query.get('hash')
  if (asked !== null && asked !== '' && asked !== hash) return redirect(`/openapi/v3/${name}?hash=${hash}`)
  const headers = {
    etag: `"${hash}"`,
    'content-type': 'application/json',
    ...(asked ? { 'cache-control': 'public, max-age=31536000, immutable' } : {}),
  }
  return unlessKnown(request.headers, headers, () => openApi.v3(name))
}

function version2(openApi: OpenApi, asked: ApiRequest['headers']): ApiResponse {
  const ranges = mediaRanges(asked.accept || '*/*')
  const fits = (type: string) => FORMS_V2.find((form) => form.type === type || /^(\*|application)\/\*$/.test(type))
  const form = ranges.map(({ type }) => fits(type)).find((found) => found !== undefined)
  if (!form) return { status: 406, headers: {}, body: { type: 'empty' } }
  const headers = { etag: `"${openApi.hashV2()}"`, vary: 'Accept', 'content-type': form.content }
  return unlessKnown(asked, headers, () => form.bytes(openApi))
}

/** Nothing but the headers for a client that has the document. */
function unlessKnown(
  asked: ApiRequest['headers'],
  headers: Readonly<Record<'etag' | 'content-type', string>>,
  bytes: () => Uint8Array | undefined,
): ApiResponse {
  if (asked['if-none-match']?.includes(headers.etag)) return { status: 304, headers, body: { type: 'empty' } }
  return document(bytes(), headers)
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
