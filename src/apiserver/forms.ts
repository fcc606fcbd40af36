/** Other forms of an answer, errors and discovery too, for those who want one: all answers are made as plain JSON first. */
import type { ApiRequest, ApiResponse, ListBody, ResponseBody } from '../wire/exchange.ts'
import { indented } from '../wire/indent.ts'
import { negotiate } from '../wire/negotiate.ts'
import type { Exchange } from './exchange.ts'

type Whole = Extract<ResponseBody, { type: 'object' | 'list' }>

/** Both forms are made while they are written, so that large ones hold up nobody. */
export function inWantedForm(
  response: ApiResponse,
  { request, info }: Pick<Exchange, 'request' | 'info'>,
): ApiResponse | Promise<ApiResponse> {
  const { body } = response
  if (body.type !== 'object' && body.type !== 'list') return response
  if (!info.isResource && !/^\/apis?(\/|$)/.test(request.path)) return response
  if (asksYaml(request.headers.accept)) return asYaml(response, body)
  if (!isForEyes(request)) return response
  const pieces = () => indented(body.type === 'list' ? body.pieces() : [body.bytes()])
  return { ...response, body: { type: 'pieces', pieces } }
}

async function asYaml({ status, headers }: ApiResponse, body: Whole): Promise<ApiResponse> {
  const { yamlPieces } = await import('../wire/yaml/write.ts')
  const pieces = () => yamlPieces(body.type === 'list' ? listed(body) : body.object)
  return { status, headers: { ...headers, 'content-type': 'application/yaml' }, body: { type: 'pieces', pieces } }
}

/** A list as it is on the wire, its entries still to be made. */
function listed({ head, field, entries }: ListBody): unknown {
  const all = entries()
  const none = all?.[Symbol.iterator]().next().done
  return { ...head, [field]: all === undefined ? null : none ? [] : entries() }
}

function asksYaml(accept: string | undefined): boolean {
  try {
    return accept?.includes('yaml') === true && negotiate(accept).format === 'yaml'
  } catch {
    return false
  }
}

/** People read what browsers and curl get; `pretty` says it otherwise. */
function isForEyes({ query, headers }: ApiRequest): boolean {
  const pretty = query.get('pretty')
  if (pretty) return /^(1|t|T|TRUE|true|True)$/.test(pretty)
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}
