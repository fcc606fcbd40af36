/** Services and slices for tests, in few words. */
import type { Service, ServicePort } from '../api/types/core-v1.gen.ts'
import type { EndpointPort, EndpointSlice } from '../api/types/discovery-v1.gen.ts'

export interface SampleService {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly clusterIP?: string
  readonly externalIPs?: readonly string[]
  readonly nodePort?: number
  readonly type?: string
  readonly ports?: readonly ServicePort[]
  readonly sessionAffinity?: string
  readonly timeoutSeconds?: number
  readonly internalTrafficPolicy?: string
  readonly externalTrafficPolicy?: string
  readonly publishNotReadyAddresses?: boolean
}

/** `default/web` at 10.96.0.10:80 unless told otherwise. */
export function service(sample: SampleService): Service {
  const { name = 'web', labels, clusterIP = '10.96.0.10', nodePort, timeoutSeconds, ports, ...spec } = sample
  return {
    metadata: { name, namespace: 'default', ...(labels ? { labels } : {}) },
    spec: {
      clusterIP,
      ports: ports ?? [{ port: 80, protocol: 'TCP', ...(nodePort ? { nodePort } : {}) }],
      ...spec,
      ...(timeoutSeconds ? { sessionAffinityConfig: { clientIP: { timeoutSeconds } } } : {}),
    },
  }
}

export interface SampleEndpoint {
  readonly ip: string
  readonly node?: string
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}

/** A slice of `default/web` with TCP port 8080 unless told otherwise. */
export function slice(sample: {
  readonly service?: string
  readonly name?: string
  readonly endpoints: readonly SampleEndpoint[]
  readonly ports?: readonly EndpointPort[]
  readonly addressType?: string
}): EndpointSlice {
  const { service: owner = 'web', name = `${owner}-abc`, ports = [{ protocol: 'TCP', port: 8080 }] } = sample
  return {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': owner } },
    addressType: sample.addressType ?? 'IPv4',
    ports,
    endpoints: sample.endpoints.map(({ ip, node, ...conditions }) => ({
      addresses: [ip],
      conditions,
      ...(node ? { nodeName: node } : {}),
    })),
  }
}
