/** How a client reaches an API server. `direct.ts` (in-process, objects by reference), `http.node.ts` (HTTPS or Unix socket). */
import type { WatchEventType } from '../wire/exchange.ts'

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Percent-encoded path with the query, e.g. `/api/v1/pods?limit=500`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON (or as `content-type` in headers says). Not modified by anybody. */
  readonly body?: unknown
  readonly signal?: AbortSignal
}

export interface TransportResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Parsed JSON, text for other content types, undefined when empty. Frozen by convention. */
  readonly body: unknown
}

export interface WatchEvent<T> {
  readonly type: WatchEventType
  readonly object: T
}

export interface WatchHandlers {
  event(event: WatchEvent<unknown>): void
  /** Exactly once: the server ended the stream (undefined) or it broke. */
  end(error: Error | undefined): void
}

export interface Transport {
  /** Resolves for any HTTP status; rejects only when there was no answer (TransportError). */
  send(request: TransportRequest): Promise<TransportResponse>
  /** Resolves when the answer's head came: a status other than 200 carries its body. Push style: no work per watcher but the call. */
  watch(request: TransportRequest, handlers: WatchHandlers): Promise<{ status: number; body?: unknown; stop(): void }>
  /** Raw bytes as they come (logs). */
  stream(request: TransportRequest): Promise<{ status: number; bytes: AsyncIterable<Uint8Array> }>
  close(): Promise<void>
}

export class TransportError extends Error {
  override readonly name = 'TransportError'
}
