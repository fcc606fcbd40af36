import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { failure } from '../api/status.ts'
import type { ApiRequest, RequestBody, UserInfo } from '../wire/exchange.ts'

/** Largest request body, in bytes; more is 413. As in Kubernetes. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024

/** A body that is too large is read on, unkept, so that its sender comes to read the answer; but not for ever, in bytes. */
const DRAINED_BYTES_MAX = 4 * BODY_BYTES_MAX

const NO_BODY = Promise.resolve(undefined)

type AnyRequest = IncomingMessage | Http2ServerRequest

/** The request as the API server knows it. */
export function apiRequest(
  request: AnyRequest,
  response: ServerResponse | Http2ServerResponse,
  user: UserInfo | undefined,
): ApiRequest {
  const url = request.url ?? '/'
  const at = url.indexOf('?')
  const method = request.method ?? 'GET'
  return {
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers: request.headers as Record<string, string>,
    ...(user ? { user } : {}),
    body: () => (method === 'GET' || method === 'HEAD' ? NO_BODY : readBody(request)),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    get signal() {
      return goneSignal(response)
    },
  }
}

/** Aborts when the connection or stream closes before the answer is complete. */
function goneSignal(response: ServerResponse | Http2ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}

function readBody(request: AnyRequest): Promise<RequestBody> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) reject(tooLarge())
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= BODY_BYTES_MAX) chunks.push(chunk)
      else chunks.length = 0
      if (size > BODY_BYTES_MAX) reject(tooLarge())
      if (size > DRAINED_BYTES_MAX) request.destroy()
    })
    request.on('end', () => {
      const [first] = chunks
      resolve(first ? { bytes: chunks.length === 1 ? first : Buffer.concat(chunks, size) } : undefined)
    })
    request.on('error', () => reject(failure(400, 'BadRequest', 'unexpected EOF')))
    request.on('aborted', () => reject(failure(400, 'BadRequest', 'unexpected EOF')))
  })
}

function tooLarge() {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_BYTES_MAX}`)
}
