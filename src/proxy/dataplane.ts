/** What carries out a plan on this machine: nftables (`apply-nft.node.ts`) or sockets of our own (`userspace.node.ts`). */
import type { ProxyPlan } from './plan.ts'

export interface Dataplane {
  /** What is not as on a real node, in sentences for people; empty when nothing is. */
  readonly degraded: readonly string[]
  /**
   * Brings the machine to `plan`; resolves when new connections follow it. Rejects when that failed; the next call starts
   * from scratch. Not called again before it settled.
   */
  apply(plan: ProxyPlan): Promise<void>
  /** Takes everything back. Connections that exist are left alone by nftables and cut by userspace. */
  close(): Promise<void>
}
