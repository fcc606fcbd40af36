/**
 * List bodies: head + shared item bytes + tail. Nothing is encoded but the head, and nothing is put together before somebody
 * takes it: a list is a sequence of pieces, which its writer gathers into chunks one at a time.
 */
import type { KubernetesObject, ListMeta } from '../api/object.ts'
import { Encoded } from './encoded.ts'

/** Size of the chunks that an answer in pieces is handed to the socket in. */
const CHUNK_BYTES = 256 * 1024

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
export function* listPieces(head: ListHead, items: Iterable<Uint8Array>): Iterable<Uint8Array> {
  yield headBytes(head)
  let joint = NOTHING
  for (const item of items) {
    yield joint
    yield item
    joint = COMMA
  }
  yield END
}

/**
 * A list of objects of one kind as Kubernetes writes built-in kinds: items without `kind` and `apiVersion`. They are the first
 * two keys of every stored object, so leaving them out means starting further in; an object with another order is encoded anew.
 */
export function* typedListPieces(
  head: ListHead,
  type: { readonly kind: string; readonly apiVersion: string },
  items: readonly Encoded[],
): Iterable<Uint8Array> {
  const lead = encoder.encode(`{"kind":${JSON.stringify(type.kind)},"apiVersion":${JSON.stringify(type.apiVersion)},`)
  yield headBytes(head)
  let joint = BRACE
  for (const item of items) {
    const bytes = startsWith(item.bytes, lead) ? item.bytes : reordered(item, lead)
    yield joint
    yield bytes.subarray(lead.length)
    joint = COMMA_BRACE
  }
  yield END
}

/** The same items as objects. */
export function* typedItems(items: readonly Encoded[]): Iterable<object> {
  for (const { object } of items) {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = object
    yield rest
  }
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

function headBytes({ kind, apiVersion, metadata }: ListHead): Uint8Array {
  const { resourceVersion, continue: token, remainingItemCount } = metadata
  const json = JSON.stringify({ kind, apiVersion, metadata: { resourceVersion, continue: token, remainingItemCount } })
  return encoder.encode(`${json.slice(0, -1)},"items":[`)
}

/** Gathers pieces into chunks of up to `limit` bytes, each when it is asked for. A piece that is larger is a chunk by itself, uncopied. */
export class Chunks {
  /** Whether the chunk given out last was the last one. */
  done = false
  private readonly source: Iterator<Uint8Array>
  private readonly limit: number
  private ahead: Uint8Array | undefined
  /** Memory of the chunk given out last, and memory that nobody reads any more. */
  private lent: Uint8Array | undefined
  private free: Uint8Array | undefined

  constructor(pieces: Iterable<Uint8Array>, limit = CHUNK_BYTES) {
    this.source = pieces[Symbol.iterator]()
    this.limit = limit
  }

  next(): Uint8Array {
    const pieces = this.ahead ? [this.ahead] : []
    let size = this.ahead?.length ?? 0
    this.ahead = undefined
    for (;;) {
      const { done, value } = this.source.next()
      if (done) this.done = true
      else if (size > 0 && size + value.length > this.limit) this.ahead = value
      else {
        pieces.push(value)
        size += value.length
        continue
      }
      return this.joined(pieces, size)
    }
  }

  /** The chunk given out last has been taken: the next one may lie where it lay, so that a long answer takes up one chunk of memory. */
  taken(): void {
    this.free = this.lent ?? this.free
  }

  private joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
    const [only] = pieces
    this.lent = undefined
    if (only?.length === size) return only
    const fits = this.free !== undefined && this.free.length >= size
    const space = fits ? (this.free as Uint8Array) : new Uint8Array(this.done ? size : Math.max(size, this.limit))
    this.free = undefined
    this.lent = space
    let at = 0
    for (const piece of pieces) {
      space.set(piece, at)
      at += piece.length
    }
    return space.subarray(0, size)
  }

  /** No more is wanted. */
  close(): void {
    this.source.return?.()
  }
}

/** All pieces in one. */
export function whole(pieces: Iterable<Uint8Array>): Uint8Array {
  return new Chunks(pieces, Number.POSITIVE_INFINITY).next()
}
