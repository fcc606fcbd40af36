/** What the scheduler knows of each node, kept up to date as nodes and pods come and go. */
import { keyOf } from '../api/object.ts'
import type { Node, Pod } from '../api/types/core-v1.gen.ts'
import { type Amounts, amounts, requestsOf } from './requests.ts'

export interface NodeInfo {
  readonly name: string
  readonly node: Node
  readonly allocatable: Amounts
  /** Sum of the requests of its pods. */
  readonly requested: Amounts
  readonly pods: ReadonlyMap<string, Pod>
}

interface MutableInfo {
  readonly name: string
  /** undefined: pods are known that are bound to it, the node itself is not (yet, or any more). */
  node: Node | undefined
  allocatable: Amounts
  readonly requested: Map<string, number>
  readonly pods: Map<string, Pod>
}

export class Snapshot {
  private readonly infos = new Map<string, MutableInfo>()
  /** Node of each counted pod, by its key. */
  private readonly placed = new Map<string, string>()

  /** Nodes that pods can be placed on. */
  nodes(): NodeInfo[] {
    const result: NodeInfo[] = []
    for (const info of this.infos.values()) if (info.node) result.push(info as NodeInfo)
    return result
  }

  node(name: string): NodeInfo | undefined {
    const info = this.infos.get(name)
    return info?.node && (info as NodeInfo)
  }

  setNode(node: Node): void {
    const info = this.info(node.metadata.name ?? '')
    info.node = node
    info.allocatable = amounts(node.status?.allocatable ?? node.status?.capacity)
  }

  removeNode(node: Node): void {
    const name = node.metadata.name ?? ''
    const info = this.infos.get(name)
    if (!info) return
    info.node = undefined
    if (info.pods.size === 0) this.infos.delete(name)
  }

  /** Counts the pod on `nodeName`; counted elsewhere or in another state before, it is replaced. */
  setPod(pod: Pod, nodeName: string): void {
    const key = keyOf(pod)
    this.removePod(key)
    const info = this.info(nodeName)
    info.pods.set(key, pod)
    this.placed.set(key, nodeName)
    for (const [name, amount] of requestsOf(pod)) info.requested.set(name, (info.requested.get(name) ?? 0) + amount)
  }

  /** Returns the name of the node where it was counted. */
  removePod(key: string): string | undefined {
    const nodeName = this.placed.get(key)
    const info = nodeName === undefined ? undefined : this.infos.get(nodeName)
    const pod = info?.pods.get(key)
    if (!info || !pod) return undefined
    this.placed.delete(key)
    info.pods.delete(key)
    for (const [name, amount] of requestsOf(pod)) info.requested.set(name, (info.requested.get(name) ?? 0) - amount)
    if (info.pods.size === 0 && !info.node) this.infos.delete(info.name)
    return nodeName
  }

  private info(name: string): MutableInfo {
    let info = this.infos.get(name)
    if (!info) {
      info = { name, node: undefined, allocatable: new Map(), requested: new Map(), pods: new Map() }
      this.infos.set(name, info)
    }
    return info
  }
}
