/** Watch frames: one line of JSON, `{"type":"ADDED","object":...}`, around bytes that exist already. */
import type { KubernetesObject } from '../api/object.ts'
import { Encoded } from './encoded.ts'
import type { WatchEventType } from './exchange.ts'

const encoder = new TextEncoder()
const TYPES: readonly WatchEventType[] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']
const heads = new Map(TYPES.map((type) => [type, encoder.encode(`{"type":"${type}","object":`)]))
const END = encoder.encode('}\n')

/** The frame around an object's bytes in whatever representation. */
export function watchFrame(type: WatchEventType, object: Uint8Array): Uint8Array {
  const head = heads.get(type) as Uint8Array
  const frame = new Uint8Array(head.length + object.length + END.length)
  frame.set(head)
  frame.set(object, head.length)
  frame.set(END, head.length + object.length)
  return frame
}

/** The frame of the object's JSON form, made once and shared by all watchers. */
export function jsonFrame(type: WatchEventType, item: Encoded): Uint8Array {
  return item.framed(type, (heads.get(type) as Uint8Array).length, (json) => watchFrame(type, json))
}

/**
 * What a BOOKMARK event carries: an object of the watched kind with nothing but the revision, and the annotation of KEP-3157
 * when it ends the initial events.
 */
export function bookmarkObject(
  type: { readonly kind: string; readonly apiVersion: string },
  revision: number,
  end: 'initial-events-end' | undefined,
): Encoded {
  const annotations = end ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata: KubernetesObject['metadata'] = { resourceVersion: String(revision), ...annotations }
  return new Encoded({ kind: type.kind, apiVersion: type.apiVersion, metadata }, revision)
}
