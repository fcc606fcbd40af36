import type { KubernetesObject } from '../api/object.ts'
import type { Codec } from '../store/journal.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import { Encoded } from '../wire/encoded.ts'

/** Stored objects on disk are the very bytes that clients get. */
export const itemCodec: Codec<Item> = {
  encode: (item) => item.bytes,
  decode: (bytes, revision) => new Encoded<KubernetesObject>(undefined, revision, bytes),
}
