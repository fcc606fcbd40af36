/** What EndpointSlices and Endpoints have in common: which pods stand behind a Service, and on which ports. Pure. */
import type { ContainerPort, Pod, Service, ServicePort } from '../api/types/core-v1.gen.ts'

export const HEADLESS = 'service.kubernetes.io/headless'
/** On Endpoints whose EndpointSlices somebody else makes. */
export const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror'
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'

type Annotations = Readonly<Record<string, string>>

/** With the time of what is written now, or without that of what was written before. */
export function withTrigger({ [TRIGGER_TIME]: _, ...others }: Annotations, trigger: string | undefined): Annotations {
  return trigger ? { ...others, [TRIGGER_TIME]: trigger } : others
}

/** A port of one pod behind a Service's port. */
export interface BackendPort {
  readonly name?: string
  readonly protocol: string
  readonly port: number
  readonly appProtocol?: string
}

/** A Service that the endpoint controllers serve: it has a selector, and is more than a name. */
export function hasPods({ spec }: Service): boolean {
  return spec?.selector !== undefined && Object.keys(spec.selector).length > 0 && spec.type !== 'ExternalName'
}

export function isHeadless({ spec }: Service): boolean {
  return spec?.clusterIP === 'None'
}

/** The ports of a pod for a Service, in its order; a named target port that the pod does not have is left out. */
export function backendPorts(service: Service, pod: Pod): readonly BackendPort[] {
  const ports: BackendPort[] = []
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(port, pod)
    if (number === undefined) continue
    ports.push({
      ...(port.name === undefined ? {} : { name: port.name }),
      protocol: port.protocol ?? 'TCP',
      port: number,
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    })
  }
  return ports
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  const protocol = port.protocol ?? 'TCP'
  const isTarget = (each: ContainerPort) => each.name === target && (each.protocol ?? 'TCP') === protocol
  for (const container of pod.spec.containers) {
    const found = container.ports?.find(isTarget)
    if (found) return found.containerPort
  }
  for (const container of pod.spec.initContainers ?? []) {
    const found = container.restartPolicy === 'Always' ? container.ports?.find(isTarget) : undefined
    if (found) return found.containerPort
  }
  return undefined
}

/** A pod's own name below the Service's, if it asks for one. */
export function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec
  const isOurs =
    hostname && subdomain === service.metadata.name && pod.metadata.namespace === service.metadata.namespace
  return isOurs ? hostname : undefined
}
