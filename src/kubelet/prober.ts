/** How the kubelet reaches into a pod's network: for probes and for httpGet hooks. `prober.node.ts`, or simulated. */
export interface HttpProbeRequest {
  readonly scheme: 'HTTP' | 'HTTPS'
  readonly host: string
  readonly port: number
  /** Path and query, as in the spec. */
  readonly path: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Prober {
  /** Resolves with any status; the body is cut at 10 KiB. Rejects when there was no answer, with the words of Go's net/http. */
  http(request: HttpProbeRequest): Promise<{ readonly status: number; readonly body: string }>
  /** Resolves when the port accepted; rejects with the words of Go's net. */
  tcp(host: string, port: number, timeoutMs: number): Promise<void>
}
