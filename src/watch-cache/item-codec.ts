import type { Codec } from '../store/journal.ts'
import { Encoded } from '../wire/encoded.ts'
import type { Item } from './watch-cache.ts'

/** Objects on disk are their JSON bytes: encoded once for clients and journal alike, parsed only when somebody looks. */
export const itemCodec: Codec<Item> = {
  encode: (item) => item.bytes,
  decode: (bytes, revision) => new Encoded(undefined, revision, bytes) as Item,
}
