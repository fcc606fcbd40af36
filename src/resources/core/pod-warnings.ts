/** What is allowed in a pod's spec and yet probably a mistake: the Warning headers of Kubernetes. */
import type { Container, PodSpec } from '../../api/types/core-v1.gen.ts'

/** Calls `warn` for each; `field` is the path of the spec. */
export function podWarnings(spec: PodSpec, field: string, warn: (text: string) => void): void {
  for (const list of ['initContainers', 'containers'] as const) {
    const containers = spec[list]
    if (!containers) continue
    for (let i = 0; i < containers.length; i++) {
      const container = containers[i] as Container
      const at = `${field}.${list}[${i}]`
      portWarnings(container, at, warn)
      envWarnings(container, at, warn)
    }
  }
}

function portWarnings({ ports }: Container, field: string, warn: (text: string) => void): void {
  if (!ports || ports.length < 2) return
  const seen = new Map<string, number>()
  for (const [i, { containerPort, protocol, hostIP, hostPort }] of ports.entries()) {
    const key = `${protocol}/${containerPort}/${hostIP ?? ''}/${hostPort ?? 0}`
    const first = seen.get(key)
    if (first === undefined) seen.set(key, i)
    else warn(`${field}.ports[${i}]: duplicate port definition with ${field}.ports[${first}]`)
  }
}

function envWarnings({ env }: Container, field: string, warn: (text: string) => void): void {
  if (!env || env.length < 2) return
  const seen = new Set<string>()
  for (const [i, { name, value }] of env.entries()) {
    // A variable made of its own earlier value is meant to hide it.
    const meant = value?.includes(`$(${name})`)
    if (seen.has(name) && !meant) {
      warn(`${field}.env[${i}]: hides previous definition of "${name}", which may be dropped when using apply`)
    }
    seen.add(name)
  }
}
