import type { Pod } from '../../api/types/core-v1.gen.ts'
import type { FilterPlugin } from '../plugin.ts'

interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

const ANY = '0.0.0.0'

/** Two pods cannot have one port of the node. */
export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  filter(pod, { pods }) {
    const wanted = hostPortsOf(pod)
    if (wanted.length === 0) return undefined
    for (const other of pods.values())
      for (const taken of hostPortsOf(other))
        if (wanted.some((port) => collide(port, taken)))
          return { reasons: ["node(s) didn't have free ports for the requested pod ports"], preemptable: true }
    return undefined
  },
}

function hostPortsOf({ spec }: Pod): HostPort[] {
  const ports: HostPort[] = []
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  for (const container of [...spec.containers, ...sidecars])
    for (const { hostPort, hostIP, protocol } of container.ports ?? [])
      if (hostPort) ports.push({ ip: hostIP || ANY, protocol: protocol ?? 'TCP', port: hostPort })
  return ports
}

function collide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === ANY || b.ip === ANY)
}
