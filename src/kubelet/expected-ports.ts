import type { Container, LifecycleHandler, PodSpec, Probe } from '../api/types/core-v1.gen.ts'

/**
 * TCP ports that somebody will look for at the pod's address: those that its containers declare, and those that its probes and
 * hooks name by number. In ascending order.
 */
export function expectedPorts(spec: PodSpec): readonly number[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  return [...new Set(containers.flatMap(portsOf))].sort((a, b) => a - b)
}

function portsOf({ ports = [], livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): number[] {
  const declared = ports
    .filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
    .map(({ containerPort }) => containerPort)
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.preStop, lifecycle?.postStart]
  return [...declared, ...handlers.flatMap(numberOf)]
}

function numberOf(handler: Probe | LifecycleHandler | undefined): number[] {
  const port = handler?.httpGet?.port ?? handler?.tcpSocket?.port
  return typeof port === 'number' ? [port] : []
}
