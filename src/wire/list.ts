/** List bodies: head + shared item bytes + tail, gathered into few large chunks. Nothing is encoded but the head. */
import type { KubernetesObject, ListMeta } from '../api/object.ts'
import { Encoded } from './encoded.ts'

/** Size of the pieces that a list is handed to the socket in. */
const CHUNK_BYTES = 1024 * 1024

export interface ListHead {
  /** Of the list: `PodList`. */
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: ListMeta
}

const encoder = new TextEncoder()
const COMMA = encoder.encode(',')
const COMMA_BRACE = encoder.encode(',{')
const BRACE = encoder.encode('{')
const END = encoder.encode(']}\n')
const NOTHING = new Uint8Array(0)

/** `{"kind":"PodList","apiVersion":"v1","metadata":{...},"items":[...]}` with each item's bytes as they are. */
export function listChunks(head: ListHead, items: readonly Uint8Array[]): readonly Uint8Array[] {
  return gather(head, items, { cut: 0, first: NOTHING, next: COMMA })
}

/**
 * A list of objects of one kind as Kubernetes writes built-in kinds: items without `kind` and `apiVersion`. They are the first
 * two keys of every stored object, so leaving them out means starting further in; an object with another order is encoded anew.
 */
export function typedListChunks(
  head: ListHead,
  type: { readonly kind: string; readonly apiVersion: string },
  items: readonly Encoded[],
): readonly Uint8Array[] {
  const lead = encoder.encode(`{"kind":${JSON.stringify(type.kind)},"apiVersion":${JSON.stringify(type.apiVersion)},`)
  const bytes = items.map((item) => (startsWith(item.bytes, lead) ? item.bytes : reordered(item, lead)))
  return gather(head, bytes, { cut: lead.length, first: BRACE, next: COMMA_BRACE })
}

function startsWith(bytes: Uint8Array, lead: Uint8Array): boolean {
  for (let i = 0; i < lead.length; i++) if (bytes[i] !== lead[i]) return false
  return true
}

/** The same object with its type first, for what was stored with another order of keys. */
function reordered(item: Encoded, lead: Uint8Array): Uint8Array {
  return item.derived('list-item', () => {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = item.object
    const body = new Encoded(rest as KubernetesObject, item.revision).bytes
    const bytes = new Uint8Array(lead.length + body.length - 1)
    bytes.set(lead)
    bytes.set(body.subarray(1), lead.length)
    return bytes
  })
}

interface Joint {
  /** Bytes left out at the start of each item. */
  readonly cut: number
  /** Put before the first item, and before each further one. */
  readonly first: Uint8Array
  readonly next: Uint8Array
}

function gather(head: ListHead, items: readonly Uint8Array[], { cut, first, next }: Joint): readonly Uint8Array[] {
  const gathered = new Gatherer()
  gathered.add(headBytes(head))
  let joint = first
  for (const item of items) {
    gathered.add(joint)
    gathered.add(cut === 0 ? item : item.subarray(cut))
    joint = next
  }
  gathered.add(END)
  return gathered.finish()
}

function headBytes({ kind, apiVersion, metadata }: ListHead): Uint8Array {
  const { resourceVersion, continue: token, remainingItemCount } = metadata
  const json = JSON.stringify({ kind, apiVersion, metadata: { resourceVersion, continue: token, remainingItemCount } })
  return encoder.encode(`${json.slice(0, -1)},"items":[`)
}

/** Copies pieces into chunks; a chunk is made as large as what is known to come, up to the limit. */
export class Gatherer {
  private readonly full: Uint8Array[] = []
  private pieces: Uint8Array[] = []
  private size = 0
  private readonly limit: number

  constructor(limit = CHUNK_BYTES) {
    this.limit = limit
  }

  add(piece: Uint8Array): void {
    if (this.size + piece.length > this.limit && this.size > 0) this.flush()
    this.pieces.push(piece)
    this.size += piece.length
  }

  finish(): readonly Uint8Array[] {
    this.flush()
    return this.full
  }

  private flush(): void {
    const chunk = new Uint8Array(this.size)
    let at = 0
    for (const piece of this.pieces) {
      chunk.set(piece, at)
      at += piece.length
    }
    this.full.push(chunk)
    this.pieces = []
    this.size = 0
  }
}
