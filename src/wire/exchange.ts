/**
 * One request and its answer between a client and the API server, independent of how it travels: `apiserver/server.node.ts`
 * makes it from HTTP, `client/direct.ts` hands it over inside the process (objects by reference, nothing encoded).
 */
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
  /** Set by transports that have authenticated by themselves (client certificate, in-process); else by the authn stage. */
  readonly user?: UserInfo
  /** Reads the body, once. Rejects with ApiError 413 when it exceeds the limit. */
  body(): Promise<RequestBody>
  /** Lets other requests go first: resolves in a later turn of the event loop. In-process there are none to wait for. */
  readonly pause?: () => Promise<void>
  /** Aborts when the client has gone away. */
  readonly signal: AbortSignal
  /** True for an HTTP upgrade (WebSocket) request. */
  readonly upgrade?: boolean
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
  /** A list: head + shared item bytes + tail, concatenated by the writer; `object()` builds the list for in-process readers. */
  | { readonly type: 'list'; object(): unknown; chunks(): readonly Uint8Array[] }
  | { readonly type: 'watch'; readonly stream: WatchStream }
  /** Bytes as they come (logs). */
  | { readonly type: 'stream'; readonly stream: AsyncIterable<Uint8Array> }
  | { readonly type: 'text'; readonly text: string }
  /** Forwarded to the kubelet of `node` (logs, exec, attach, port-forward), by a dialer that main provides. */
  | { readonly type: 'kubelet'; readonly node: string; readonly path: string; readonly query: string }

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
