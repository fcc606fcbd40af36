/** Takes nftables where it is to be had, our own sockets where not, and says which. */
import type { Socket } from 'node:net'
import type { Random } from '../base/random.ts'
import { NftDataplane } from './apply-nft.node.ts'
import type { Dataplane } from './dataplane.ts'
import type { Backend } from './plan.ts'
import type { NftConfig } from './render-nft.ts'
import { UserspaceDataplane } from './userspace.node.ts'

export interface OpenDataplaneOptions extends NftConfig {
  readonly random: Random
  /** False where this process is not alone in its network namespace: then the firewall is not ours to touch. */
  readonly ownNamespace: boolean
  /** See UserspaceOptions. */
  readonly locate?: (backend: Backend) => { readonly ip: string; readonly port: number }
  readonly log?: (message: string) => void
}

export interface OpenedDataplane {
  readonly dataplane: Dataplane
  /** What is not as on a real node, in sentences for people. */
  readonly degraded: readonly string[]
  /** For `serveRelay` where the kernel knows no Services. */
  readonly dial?: (host: string, port: number) => Socket
}

/** Never rejects: the reason why it is userspace is in `degraded`. */
export async function openDataplane(options: OpenDataplaneOptions): Promise<OpenedDataplane> {
  const why: string[] = []
  if (options.ownNamespace) {
    try {
      const dataplane = await NftDataplane.open(options)
      return { dataplane, degraded: dataplane.degraded }
    } catch (error) {
      why.push(`nftables cannot be used here (${(error as Error).message}; Debian package nftables).`)
    }
  }
  const { random, locate, log } = options
  const dataplane = new UserspaceDataplane({ random, ...(locate ? { locate } : {}), ...(log ? { log } : {}) })
  return { dataplane, degraded: [...why, ...dataplane.degraded], dial: dataplane.dial }
}
