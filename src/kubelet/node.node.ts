/** The kubelet of a real node, put together: machine's clock, files and network; node status; server on a Unix socket. */
import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import type { EbbTracer } from '../api/trace-steps.ts'
import { systemClock } from '../base/clock.node.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ApiClient } from '../client/api-client.ts'
import { Recorder } from '../client/events.ts'
import type { Informers } from '../client/informer.ts'
import { Kubelet } from './kubelet.ts'
import { nodeDescription } from './node-facts.node.ts'
import { startNodeStatus } from './node-status.ts'
import { parseResolv } from './pod-dns.ts'
import { machineProber } from './prober.node.ts'
import type { Runtime } from './runtime.ts'
import { serveKubelet } from './server.node.ts'
import { machineFiles } from './volumes/machine.node.ts'

/**
 * A pod deleted within this time of being seen never starts, in ms. Kubernetes' own start takes several times as long, and
 * clients that create and delete at once count on it (recording 76).
 */
const SETTLE_MS = 100

export interface KubeletNodeOptions {
  readonly nodeName: string
  readonly hostIP: string
  readonly podCIDR?: string
  /** For logs and volumes of pods. */
  readonly directory: string
  /** For mounts, on a node with a mount namespace of its own; not below anything that is removed with what is in it. */
  readonly mountDirectory?: string
  /** ebb's own folders, which no pod may see. */
  readonly covered: readonly string[]
  /** Where the kubelet's server listens. */
  readonly socketPath: string
  readonly runtime: Runtime
  readonly client: ApiClient
  readonly informers: Informers
  readonly trace: EbbTracer
  readonly lifetime: Lifetime
  /** Sentences about what is degraded beside the runtime's own. */
  readonly degraded: readonly string[]
  log(text: string): void
}

export interface KubeletNode {
  readonly kubelet: Kubelet
  /** Ends all pods gracefully. */
  shutDown(): Promise<void>
}

/** Resolves when the node is registered and Ready, its server listens and its pods are followed. */
export async function startKubeletNode(options: KubeletNodeOptions): Promise<KubeletNode> {
  const { nodeName, hostIP, podCIDR, directory, runtime, client, informers, trace, lifetime, log } = options
  // Every pod waits for the end of the lifetime.
  setMaxListeners(0, lifetime.signal)
  const clock = systemClock
  const node = nodeDescription({
    name: nodeName,
    hostIP,
    ...(podCIDR ? { podCIDR } : {}),
    degraded: [...options.degraded, ...runtime.degraded],
    runtimeVersion: `${runtime.name}://${runtime.version}`,
    directory,
  })
  const recorder = new Recorder({ client, clock, lifetime, component: 'kubelet', host: nodeName })
  const failed = (what: string, error: unknown) =>
    log(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  const kubelet = new Kubelet({
    ...{ nodeName, runtime, clock, client, informers, recorder, trace, lifetime, directory, node, failed },
    prober: machineProber,
    files: (hostId) => machineFiles(hostId, options.covered),
    ...(options.mountDirectory === undefined ? {} : { mountDirectory: options.mountDirectory }),
    dns: { servers: [], clusterDomain: 'cluster.local', host: parseResolv(hostResolv()) },
    settleMs: SETTLE_MS,
  })
  await serveKubelet({ kubelet, runtime, clock, socketPath: options.socketPath, lifetime })
  // Both at once: a node that is Ready gets pods, and a kubelet that follows its pods has none yet.
  await Promise.all([startNodeStatus({ client, clock, lifetime, recorder, node, failed }), kubelet.start()])
  return { kubelet, shutDown: () => kubelet.shutDown() }
}

/** A machine without the file has no servers, and so have its pods. */
function hostResolv(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return ''
  }
}
