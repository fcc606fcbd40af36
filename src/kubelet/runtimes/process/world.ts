/**
 * The world that a node process finds itself in: made by `main/fabric.node.ts`, told to the node process through its
 * environment, read by the runtime and the proxy. With namespaces each node has a network namespace of its own on the lab
 * network; without, pods are plain processes on the host's loopback.
 *
 * Addresses: lab network 10.88.0.0/16 (10.88.0.1 the fabric, 10.88.0.10+i node i), pods of node i 10.244.i.0/24
 * (.1 is the node's bridge), services 10.96.0.0/16. None of them is ever seen on the host.
 */
export interface NodeWorld {
  readonly mode: 'namespaces' | 'plain'
  /** Marks every process of this fabric in its environment, as EBB_FABRIC. */
  readonly fabricId: string
  readonly nodeName: string
  /** 0-based. */
  readonly nodeIndex: number
  readonly nodeIP: string
  readonly podCIDR: string
  /** Directory for this node's sockets, FIFOs and container state; vanishes with the fabric. */
  readonly directory: string
  /** Sentences for people: what is missing here and what that means. */
  readonly degraded: readonly string[]
}

export const SERVICE_CIDR = '10.96.0.0/16'
export const CLUSTER_CIDR = '10.244.0.0/16'

/** Nodes that one fabric holds; the address plan has room for no more. */
export const NODES_MAX = 200

/** Name of the environment variable that carries the world, as JSON. */
export const WORLD_VARIABLE = 'EBB_NODE_WORLD'
/** Name of the environment variable that marks every process of a fabric, so that none escapes its end. */
export const FABRIC_VARIABLE = 'EBB_FABRIC'

export function nodeAddress(index: number): string {
  return `10.88.0.${10 + index}`
}

/** The pods' network of one node: `cidr` 10.244.i.0/24, `gateway` the node's bridge, `address(slot)` with slot 0..252. */
export function podNetwork(index: number): { cidr: string; gateway: string; address: (slot: number) => string } {
  const prefix = `10.244.${index}`
  return { cidr: `${prefix}.0/24`, gateway: `${prefix}.1`, address: (slot) => `${prefix}.${slot + 2}` }
}

/** Pods at a time that a node's network has addresses for. */
export const POD_SLOTS_MAX = 253

/** The world that `env` carries; undefined when this process was not started into one. */
export function worldFromEnvironment(env: Readonly<Record<string, string | undefined>>): NodeWorld | undefined {
  const text = env[WORLD_VARIABLE]
  return text ? (JSON.parse(text) as NodeWorld) : undefined
}
