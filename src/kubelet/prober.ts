/** How the kubelet reaches into a pod's network: for probes and for httpGet hooks. `prober.node.ts`, or simulated. */
import type { Container, HTTPGetAction } from '../api/types/core-v1.gen.ts'

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

export interface GrpcProbeRequest {
  readonly host: string
  readonly port: number
  /** Empty: the server as a whole. */
  readonly service: string
  readonly timeoutMs: number
}

export interface Prober {
  /** Resolves with any status; the body is cut at 10 KiB. Rejects when there was no answer, with the words of Go's net/http. */
  http(request: HttpProbeRequest): Promise<{ readonly status: number; readonly body: string }>
  /** Resolves when the port accepted; rejects with the words of Go's net. */
  tcp(host: string, port: number, timeoutMs: number): Promise<void>
  /** Resolves to what the service is said to be, `SERVING` when it is well. Rejects with the kubelet's words. */
  grpc(request: GrpcProbeRequest): Promise<string>
}

/** Where a handler's request goes: to the pod, unless it names another host. Throws as portNumber. */
export function httpTarget(
  get: HTTPGetAction,
  { container, podIP }: { readonly container: Container; readonly podIP: string },
): Pick<HttpProbeRequest, 'scheme' | 'host' | 'port' | 'path'> {
  return {
    scheme: get.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP',
    host: get.host || podIP,
    port: portNumber(get.port, container),
    path: get.path || '/',
  }
}

/** A port by number, or by the name of a container's port. Throws when there is none of that name. */
export function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  const named = container.ports?.find((p) => p.name === port)?.containerPort
  const number = named ?? Number(port)
  if (!Number.isInteger(number))
    throw new Error(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`)
  return number
}
