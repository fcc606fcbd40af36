/** The client's transport inside the process: objects by reference, nothing encoded or decoded, the whole chain all the same. */
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo, WatchFrame } from '../wire/exchange.ts'
import { type Transport, TransportError, type TransportRequest, type TransportResponse } from './transport.ts'

export interface DirectOptions {
  readonly handle: ApiHandler
  /** Who asks: no credentials travel inside the process. */
  readonly user: UserInfo
}

const NEVER = new AbortController().signal

export function directTransport({ handle, user }: DirectOptions): Transport {
  let closed = false
  const send = async (request: TransportRequest): Promise<ApiResponse> => {
    if (closed) throw new TransportError('the transport is closed')
    if (request.signal?.aborted) throw new TransportError('the request was aborted')
    return handle(apiRequest(request, user))
  }
  return {
    send: async (request) => plain(await send(request)),
    async watch(request, handlers) {
      const response = await send(request)
      if (response.body.type !== 'watch') {
        const { status, body } = await plain(response)
        return { status, body, stop() {} }
      }
      const end = once(handlers.end)
      const stop = response.body.stream.start({
        frame(frame: WatchFrame) {
          handlers.event({ type: frame.type, object: frame.object })
          return true
        },
        end: () => end(undefined),
      })
      const finish = () => {
        request.signal?.removeEventListener('abort', finish)
        stop()
        end(undefined)
      }
      request.signal?.addEventListener('abort', finish, { once: true })
      return { status: response.status, stop: finish }
    },
    async stream(request) {
      const response = await send(request)
      if (response.body.type === 'stream') return { status: response.status, bytes: response.body.stream }
      return { status: response.status, bytes: bytesOf(response) }
    },
    async close() {
      closed = true
    },
  }
}

function once(call: (error: Error | undefined) => void): (error: Error | undefined) => void {
  let done = false
  return (error) => {
    if (done) return
    done = true
    call(error)
  }
}

function apiRequest(request: TransportRequest, user: UserInfo): ApiRequest {
  const at = request.path.indexOf('?')
  const { body } = request
  return {
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : request.path.slice(at + 1)),
    headers: request.headers ?? {},
    user,
    body: () => Promise.resolve(body === undefined ? undefined : { object: body }),
    signal: request.signal ?? NEVER,
  }
}

async function plain(response: ApiResponse): Promise<TransportResponse> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers))
    headers[name] = typeof value === 'string' ? value : value.join(', ')
  return { status: response.status, headers, body: bodyOf(response) }
}

function bodyOf({ body }: ApiResponse): unknown {
  switch (body.type) {
    case 'object':
      return body.object
    case 'list':
      return body.object()
    case 'text':
      return body.text
    case 'empty':
      return undefined
    default:
      throw new TransportError(`a ${body.type} answer needs a socket`)
  }
}

async function* bytesOf(response: ApiResponse): AsyncIterable<Uint8Array> {
  const { body } = response
  if (body.type === 'empty') return
  if (body.type === 'object') yield body.bytes()
  else if (body.type === 'list' || body.type === 'pieces') yield* body.pieces()
  else yield new TextEncoder().encode(String(bodyOf(response)))
}
