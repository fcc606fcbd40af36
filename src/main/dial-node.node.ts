/** Connections from the API server into the nodes of this ebb. */
import { createConnection, type Socket } from 'node:net'
import { dialRelay } from '../proxy/relay.node.ts'
import type { ForwardAddress } from '../wire/exchange.ts'
import type { Nodes } from './nodes.node.ts'

/**
 * To the kubelet of a node, or to an address as seen from the node's network; where the address belongs to none of ours, from that of
 * the first. Rejects when there is no such node, or nobody answers.
 */
export function dialNode(nodes: Nodes | undefined, node: string, address?: ForwardAddress): Promise<Socket> {
  if (!address) return dial(nodes?.kubeletSocket(node), node)
  const relay = nodes?.relaySocket(node) ?? nodes?.relaySocket('ebb-1')
  if (!relay) return Promise.reject(new Error('there is no node here whose network could be reached'))
  return dialRelay(relay, `${address.host}:${address.port}`)
}

function dial(path: string | undefined, node: string): Promise<Socket> {
  if (!path) return Promise.reject(new Error(`node ${node} is not one of this ebb`))
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
