/**
 * Which objects belong to a node's pods: kept by following the pods, so that a node's request costs a look at a map. A pod's
 * spec names the same things for all its life once it has a node; only its resource claims come later.
 */
import type { KubernetesObject } from '../../api/object.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { follow } from '../../registry/follow.ts'
import type { Registry } from '../../registry/registry.ts'
import { MIRROR_ANNOTATION, podReferences, type Referenced, volumeReferences } from './pod-references.ts'

export type Related = Referenced | 'pods' | 'persistentvolumes' | 'volumeattachments'

export interface NodeGraph {
  /** Whether a pod on the node needs the object. */
  has(node: string, plural: Related, namespace: string, name: string): boolean
}

const CLAIMS = 'persistentvolumeclaims'

class Edges {
  /** node -> `plural namespace/name` -> how many of its pods need it. */
  private readonly needs = new Map<string, Map<string, number>>()
  private readonly pods = new Map<
    string,
    { readonly node: string; readonly claims: unknown; readonly keys: readonly string[] }
  >()

  has(node: string, key: string): boolean {
    return this.needs.get(node)?.has(key) === true
  }

  change(pod: Pod, gone: boolean): void {
    const { namespace = '', name, uid = '' } = pod.metadata
    const node = pod.spec?.nodeName
    const known = this.pods.get(uid)
    if (!gone && (!node || (known && known.claims === pod.status?.resourceClaimStatuses))) return
    if (known) this.count(known.node, known.keys, -1)
    this.pods.delete(uid)
    if (gone || !node) return
    // A pod that its node has made may lead it to nothing else.
    const references = pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined ? podReferences(pod) : []
    const keys = [
      `pods ${namespace}/${name}`,
      ...references.map((reference) => `${reference.plural} ${reference.namespace ?? namespace}/${reference.name}`),
    ]
    this.pods.set(uid, { node, claims: pod.status?.resourceClaimStatuses, keys })
    this.count(node, keys, 1)
  }

  private count(node: string, keys: readonly string[], by: 1 | -1): void {
    const needs = this.needs.get(node) ?? new Map<string, number>()
    this.needs.set(node, needs)
    for (const key of keys) {
      const count = (needs.get(key) ?? 0) + by
      if (count > 0) needs.set(key, count)
      else needs.delete(key)
    }
    if (needs.size === 0) this.needs.delete(node)
  }
}

export function nodeGraph(registry: Registry): NodeGraph {
  const pods = registry.find('', 'v1', 'pods')
  const volumes = registry.find('', 'v1', 'persistentvolumes')
  if (!pods) return { has: () => false }
  const edges = follow(registry, pods, {
    begin(objects) {
      const made = new Edges()
      for (const object of objects) made.change(object as Pod, false)
      return made
    },
    changed: (made, type, object) => made.change(object as Pod, type === 'DELETED'),
  })
  const usesVolume = (node: string, volume: KubernetesObject | undefined) => {
    const { claim } = volume ? volumeReferences(volume) : { claim: undefined }
    return claim !== undefined && edges().has(node, `${CLAIMS} ${claim.namespace}/${claim.name}`)
  }
  return {
    has(node, plural, namespace, name) {
      if (plural === 'persistentvolumes')
        return volumes !== undefined && usesVolume(node, registry.peek(volumes, '', name)?.object)
      if (edges().has(node, `${plural} ${namespace}/${name}`)) return true
      if (plural !== 'secrets' || !volumes) return false
      const needs = (volume: KubernetesObject) =>
        volumeReferences(volume).secrets.some((secret) => secret.name === name && secret.namespace === namespace)
      return registry.all(volumes, '').some((volume) => needs(volume) && usesVolume(node, volume))
    },
  }
}
