/** Way B of a node: its proxy, and the relays that let the host in and the pods out to the API server. */
import type { EbbTracer } from '../api/trace-steps.ts'
import { systemClock } from '../base/clock.node.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import type { Informers } from '../client/informer.ts'
import { CLUSTER_CIDR, type NodeWorld, SERVICE_CIDR } from '../kubelet/runtimes/process/world.ts'
import { NftDataplane } from '../proxy/apply-nft.node.ts'
import type { Dataplane } from '../proxy/dataplane.ts'
import { ServiceProxy } from '../proxy/proxy.ts'
import { type Dial, forwardToSocket, serveRelay } from '../proxy/relay.node.ts'
import { UserspaceDataplane } from '../proxy/userspace.node.ts'
import { API_PORT_INSIDE, type NodeConfig } from './node-config.ts'

export interface NetworkParts {
  readonly world: NodeWorld
  readonly config: NodeConfig
  readonly informers: Informers
  readonly random: Random
  readonly trace: EbbTracer
  readonly lifetime: Lifetime
  log(text: string): void
}

/** Starts it all; resolves to sentences about what is degraded, when the first rules are in force. */
export async function startNetwork(parts: NetworkParts): Promise<readonly string[]> {
  const { world, config, informers, trace, lifetime, log } = parts
  const { dataplane, dial } = await openDataplane(parts)
  lifetime.add('dataplane', () => dataplane.close())
  const relay = await serveRelay({ socketPath: config.relaySocket, ...(dial ? { dial } : {}) })
  lifetime.add('relay', () => relay.close())
  if (world.mode === 'namespaces') {
    const inward = await forwardToSocket({ host: world.nodeIP, port: API_PORT_INSIDE, socketPath: config.apiTlsSocket })
    lifetime.add('way to the API server', () => inward.close())
  }
  const failed = (error: unknown) => log(`proxy: ${error instanceof Error ? error.message : String(error)}`)
  const proxy = new ServiceProxy({
    informers,
    dataplane,
    clock: systemClock,
    trace,
    lifetime,
    nodeName: world.nodeName,
    failed,
  })
  await proxy.start()
  return dataplane.degraded
}

async function openDataplane({ world, random, log }: NetworkParts): Promise<{ dataplane: Dataplane; dial?: Dial }> {
  if (world.mode === 'namespaces') {
    try {
      const ranges = { serviceCIDR: SERVICE_CIDR, clusterCIDR: CLUSTER_CIDR, podCIDR: world.podCIDR }
      return { dataplane: await NftDataplane.open({ ...ranges, log }) }
    } catch (error) {
      log(
        `nftables are not to be had (${error instanceof Error ? error.message : String(error)}): Services go through ebb itself`,
      )
    }
  }
  const dataplane = new UserspaceDataplane({ random, log })
  return { dataplane, dial: (host, port) => dataplane.dial(host, port) }
}
