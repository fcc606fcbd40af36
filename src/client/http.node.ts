/**
 * Transport over HTTP/1.1: HTTPS with client certificate or token, or plain over a Unix socket. Connections are kept alive
 * and shared; a watch has its own. Light to import: node:https only when it is needed.
 */
import http from 'node:http'
import type { TLSSocket } from 'node:tls'
import {
  type Transport,
  TransportError,
  type TransportRequest,
  type TransportResponse,
  type WatchEvent,
  type WatchHandlers,
} from './transport.ts'

/** Connections kept for further requests when idle; more are closed after use. */
const IDLE_CONNECTIONS_MAX = 16
/** An idle connection is closed after this time, in ms: before the server does it, after 90 s, and loses what is just being sent. */
const IDLE_MS = 60_000
/** How long an answer's head may take. */
const RESPONSE_TIMEOUT_MS = 60_000
/** First TCP keep-alive probe on a silent connection. */
const KEEP_ALIVE_MS = 15_000
/** A watch without a byte for this long is taken for dead: servers send bookmarks every minute. */
const WATCH_SILENCE_MAX_MS = 300_000
/** A watch line longer than this is a broken stream. */
const WATCH_LINE_BYTES_MAX = 16 * 1024 * 1024

export type HttpTarget =
  | {
      /** e.g. `https://127.0.0.1:6443`; http:// too, for tests. */
      readonly server: string
      /** PEM. */
      readonly ca?: string
      readonly cert?: string
      readonly key?: string
      readonly insecureSkipVerify?: boolean
      readonly token?: string
    }
  | { readonly socketPath: string; readonly token?: string }

interface Head {
  readonly response: http.IncomingMessage
  readonly status: number
}

export async function httpTransport(target: HttpTarget, idleMs = IDLE_MS): Promise<Transport> {
  const options = {
    keepAlive: true,
    maxFreeSockets: IDLE_CONNECTIONS_MAX,
    keepAliveMsecs: KEEP_ALIVE_MS,
    timeout: idleMs,
  }
  if ('socketPath' in target) {
    const agent = new http.Agent(options)
    return new HttpTransport(http.request, { socketPath: target.socketPath, agent }, target.token)
  }
  const url = new URL(target.server)
  const address = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
  }
  if (url.protocol === 'http:') {
    return new HttpTransport(http.request, { ...address, agent: new http.Agent(options) }, target.token)
  }
  const https = await import('node:https')
  const { ca, cert, key, insecureSkipVerify } = target
  const agent = new https.Agent({
    ...options,
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(insecureSkipVerify ? { rejectUnauthorized: false } : {}),
  })
  return new HttpTransport(https.request, { ...address, agent }, target.token)
}

class StaleConnection extends TransportError {}

class HttpTransport implements Transport {
  private readonly request: (options: http.RequestOptions) => http.ClientRequest
  private readonly where: http.RequestOptions & { readonly agent: http.Agent }
  private readonly headers: Readonly<Record<string, string>>
  /** Answers still being read: watches and streams. Destroyed by `close`. */
  private readonly open = new Set<http.IncomingMessage>()

  constructor(
    request: (options: http.RequestOptions) => http.ClientRequest,
    where: http.RequestOptions & { readonly agent: http.Agent },
    token: string | undefined,
  ) {
    this.request = request
    this.where = where
    this.headers = token ? { authorization: `Bearer ${token}` } : {}
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { response, status } = await this.head(request)
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(response.headers))
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
    return { status, headers, body: await readBody(response) }
  }

  async watch(
    request: TransportRequest,
    handlers: WatchHandlers,
  ): Promise<{ status: number; body?: unknown; stop(): void }> {
    const { response, status } = await this.head(request)
    if (status !== 200) return { status, body: await readBody(response), stop() {} }
    this.hold(response)
    let ended = false
    const end = (error: Error | undefined) => {
      if (ended) return
      ended = true
      response.destroy()
      handlers.end(error)
    }
    const lines = new Lines((line) => {
      if (!ended) handlers.event(JSON.parse(line) as WatchEvent<unknown>)
    })
    response.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk)
      } catch (error) {
        end(new TransportError(`watch ${request.path}: ${(error as Error).message}`, { cause: error }))
      }
    })
    response.setTimeout(WATCH_SILENCE_MAX_MS, () =>
      end(new TransportError(`watch ${request.path}: silent for too long`)),
    )
    response.once('end', () => end(undefined))
    response.once('error', (error) =>
      end(new TransportError(`watch ${request.path}: ${error.message}`, { cause: error })),
    )
    response.once('close', () => end(new TransportError(`watch ${request.path}: connection closed`)))
    return { status, stop: () => end(undefined) }
  }

  async stream(request: TransportRequest): Promise<{ status: number; bytes: AsyncIterable<Uint8Array> }> {
    const { response, status } = await this.head(request)
    this.hold(response)
    return { status, bytes: response }
  }

  close(): Promise<void> {
    for (const response of this.open) response.destroy()
    this.where.agent.destroy()
    return Promise.resolve()
  }

  private hold(response: http.IncomingMessage): void {
    this.open.add(response)
    response.once('close', () => this.open.delete(response))
  }

  /**
   * Sends and resolves with the head of the answer. A kept connection may turn out to be closed already: then once more on a
   * new one, but never for POST, which may have been carried out.
   */
  private async head(request: TransportRequest): Promise<Head> {
    try {
      return await this.headOnce(request)
    } catch (error) {
      const stale = error instanceof StaleConnection && request.method !== 'POST' && !request.signal?.aborted
      if (stale) return this.headOnce(request)
      throw error
    }
  }

  private headOnce(request: TransportRequest): Promise<Head> {
    return new Promise((resolve, reject) => {
      const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
      const out = this.request({
        ...this.where,
        method: request.method,
        path: request.path,
        headers: {
          ...this.headers,
          ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
          ...request.headers,
        },
        ...(request.signal ? { signal: request.signal } : {}),
      })
      out.setTimeout(RESPONSE_TIMEOUT_MS, () => out.destroy(new Error(`no answer in ${RESPONSE_TIMEOUT_MS / 1000} s`)))
      out.once('error', (error: NodeJS.ErrnoException) => {
        const stale = out.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        const Kind = stale ? StaleConnection : TransportError
        reject(new Kind(`${request.method} ${request.path}: ${error.message}`, { cause: error }))
      })
      out.once('response', (response: http.IncomingMessage) => {
        // A watch or a log may be silent for long: from here on the timeout is the reader's business.
        out.setTimeout(0)
        resolve({ response, status: response.statusCode ?? 0 })
      })
      out.once('socket', (socket: TLSSocket) => socket.setNoDelay(true))
      out.end(body)
    })
  }
}

async function readBody(response: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw new TransportError(`reading the answer: ${(error as Error).message}`, { cause: error })
  }
  if (chunks.length === 0) return undefined
  const text = (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString('utf8')
  if (!(response.headers['content-type'] ?? '').includes('json')) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TransportError('the answer is not JSON', { cause: error })
  }
}

/** Cuts a byte stream at newlines. Each byte is looked at once, however the chunks fall. */
export class Lines {
  private readonly line: (text: string) => void
  private parts: Buffer[] = []
  private partsBytes = 0

  constructor(line: (text: string) => void) {
    this.line = line
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const last = chunk.subarray(from, at)
      from = at + 1
      if (this.parts.length === 0) {
        if (last.length > 0) this.line(last.toString('utf8'))
        continue
      }
      this.parts.push(last)
      const whole = Buffer.concat(this.parts)
      this.parts = []
      this.partsBytes = 0
      this.line(whole.toString('utf8'))
    }
    if (from === chunk.length) return
    this.parts.push(chunk.subarray(from))
    this.partsBytes += chunk.length - from
    if (this.partsBytes > WATCH_LINE_BYTES_MAX) throw new Error(`a line of over ${WATCH_LINE_BYTES_MAX} bytes`)
  }
}
