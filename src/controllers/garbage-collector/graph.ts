/**
 * Who depends on whom, by uid, from owner references of all objects that the informers show. Owners that were never seen
 * have dependents here and no node: whether they exist is to be found out.
 */
import type { KubernetesObject, OwnerReference } from '../../api/object.ts'
import type { Resource } from '../../client/api-client.ts'

export interface GraphNode {
  readonly resource: Resource
  readonly object: KubernetesObject
}

const NONE: ReadonlySet<string> = new Set()

export class OwnerGraph {
  private readonly nodes = new Map<string, GraphNode>()
  private readonly dependents = new Map<string, Set<string>>()

  get(uid: string): GraphNode | undefined {
    return this.nodes.get(uid)
  }

  dependentsOf(uid: string): readonly GraphNode[] {
    const result: GraphNode[] = []
    for (const dependent of this.dependents.get(uid) ?? NONE) {
      const node = this.nodes.get(dependent)
      if (node) result.push(node)
    }
    return result
  }

  /** Adds or replaces an object. */
  put(resource: Resource, object: KubernetesObject): void {
    const uid = uidOf(object)
    const old = this.nodes.get(uid)
    this.nodes.set(uid, { resource, object })
    if (old && old.object.metadata.ownerReferences === object.metadata.ownerReferences) return
    if (old) this.unlink(uid, old.object)
    for (const owner of ownersOf(object)) {
      let dependents = this.dependents.get(owner.uid)
      if (!dependents) {
        dependents = new Set()
        this.dependents.set(owner.uid, dependents)
      }
      dependents.add(uid)
    }
  }

  /** Removes an object; its dependents stay known by its uid. */
  remove(object: KubernetesObject): void {
    const uid = uidOf(object)
    const old = this.nodes.get(uid)
    if (old) this.unlink(uid, old.object)
    this.nodes.delete(uid)
  }

  /** Removes what is known of a resource that is not served any more. */
  removeAllOf({ group, plural }: Resource): void {
    for (const node of [...this.nodes.values()])
      if (node.resource.group === group && node.resource.plural === plural) this.remove(node.object)
  }

  private unlink(uid: string, object: KubernetesObject): void {
    for (const owner of ownersOf(object)) {
      const dependents = this.dependents.get(owner.uid)
      dependents?.delete(uid)
      if (dependents?.size === 0) this.dependents.delete(owner.uid)
    }
  }
}

/** Whether the object is the one that a reference of a dependent in `namespace` names. Cluster-scoped ones may own anything. */
export function isNamed({ resource, object }: GraphNode, owner: OwnerReference, namespace: string): boolean {
  return (
    resource.kind === owner.kind &&
    object.metadata.name === owner.name &&
    (!resource.namespaced || object.metadata.namespace === namespace)
  )
}

export function uidOf(object: KubernetesObject): string {
  return object.metadata.uid ?? ''
}

export function ownersOf(object: KubernetesObject): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? []
}
