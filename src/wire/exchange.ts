/**
 * One request and its answer between a client and the API server, independent of how it travels: `apiserver/server.node.ts`
 * makes it from HTTP, `client/direct.ts` hands it over inside the process (objects by reference, nothing encoded).
 */
import type { Pause } from '../base/steps.ts'

export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** The body of a request: bytes from a socket, or an object handed over in-process (treated as frozen by the server). */
export type RequestBody = { readonly bytes: Uint8Array } | { readonly object: unknown } | undefined

export interface ApiRequest {
  readonly method: string
  /** Path without the query, still percent-encoded, e.g. `/api/v1/namespaces/default/pods/web`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Names and values in turn as they came, where the transport knows them: for headers that come several times. */
  readonly rawHeaders?: readonly string[] | undefined
  /** Set by transports that have authenticated by themselves (client certificate, in-process); else by the authn stage. */
  readonly user?: UserInfo | undefined
  /** A client certificate was shown that stands for nobody: without another credential that is 401. */
  readonly badCertificate?: boolean | undefined
  /** The body, read when first asked for. Rejects with ApiError 413 when it exceeds the limit, 429 when bodies take up too much. */
  body(): Promise<RequestBody>
  /** Lets other requests go first: resolves in a later turn of the event loop. In-process there are none to wait for. */
  readonly pause?: Pause
  /** Aborts when the client has gone away. */
  readonly signal: AbortSignal
  /** True for an HTTP upgrade (WebSocket) request. */
  readonly upgrade?: boolean
  /** Told who asks, once that is known. */
  identified?(user: UserInfo): void
  /** Calls `done` when the answer has been read or its reader is gone; absent where it is over when it is handed over. */
  whenOver?(done: () => void): void
}

export interface ApiResponse {
  readonly status: number
  /** Lower-case names; `content-type` always set when there is a body. `warning` may have several values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: ResponseBody
}

export type ResponseBody =
  | { readonly type: 'empty' }
  /** One object. `bytes` is memoised where the object is stored. */
  | { readonly type: 'object'; readonly object: unknown; bytes(): Uint8Array }
  | ListBody
  /** Bytes that are made while they are written. */
  | { readonly type: 'pieces'; pieces(): Iterable<Uint8Array> }
  | { readonly type: 'watch'; readonly stream: WatchStream }
  /** Bytes as they come (logs). */
  | { readonly type: 'stream'; readonly stream: AsyncIterable<Uint8Array> }
  | { readonly type: 'text'; readonly text: string }
  | ForwardBody

/**
 * Forwarded by a dialer that main provides: to the kubelet of `node` (logs, exec, attach, port-forward), or to an address as seen
 * from there. With `prefix` as the proxy subresources do: method, headers and body of the client go along, the answer comes as it is,
 * and what it refers to is rewritten to lie below that path.
 */
export interface ForwardBody {
  readonly type: 'forward'
  /** '': whichever node there is. */
  readonly node: string
  readonly address?: ForwardAddress
  readonly path: string
  readonly query: string
  readonly prefix?: string
}

export interface ForwardAddress {
  readonly scheme: 'http' | 'https'
  /** An IP. */
  readonly host: string
  /** A number, as the client gave it. */
  readonly port: string
}

/** A list as it goes out, none of it put together before somebody takes it. */
export interface ListBody {
  readonly type: 'list'
  /** The list for in-process readers. */
  object(): unknown
  /** Its bytes: head, shared item bytes, tail. */
  pieces(): Iterable<Uint8Array>
  /** What is on the wire, for other forms: the list without its items, the name of the field that has them, and they. */
  readonly head: object
  readonly field: 'items' | 'rows'
  /** undefined where an empty list is written as null. */
  entries(): Iterable<unknown> | undefined
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'

/** One event: `object` for in-process readers, `bytes()` (newline at the end, shared by all watchers) for sockets. */
export interface WatchFrame {
  readonly type: WatchEventType
  readonly object: unknown
  bytes(): Uint8Array
}

export interface WatchSink {
  /** Returns false when the receiver is full: the watch is then closed with ERROR 410 and counted. */
  frame(frame: WatchFrame): boolean
  /** No more frames: timeout, server stop, or after an ERROR frame. */
  end(): void
}

export interface WatchStream {
  /** Starts delivery; the returned function stops it. At most one sink. */
  start(sink: WatchSink): () => void
}

/** What a transport of the client calls; the API server provides it. Never rejects for a client's fault: that is a response. */
export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>
