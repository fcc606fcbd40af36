import type { KubernetesObject } from '../api/object.ts'

/**
 * A frozen object together with its bytes: the value in the store, in lists and in watch events. The JSON bytes are made
 * once, at commit, when the revision is known; other representations are memoised by the renderer in `representation.ts`.
 * THE ONLY ENCODER: nothing else in ebb turns an API object into bytes (a test counts `encodes()`).
 */
export class Encoded<T extends KubernetesObject = KubernetesObject> {
  readonly revision: number
  /** undefined: not parsed yet, the bytes are there. */
  private parsed: T | undefined
  private json: Uint8Array | undefined
  /** The watch frame made last: other events of the same object are rare, other watchers of the same event are not. */
  private frame: { readonly type: string; readonly bytes: Uint8Array } | undefined
  /** Memo of other representations, keyed by the renderer (e.g. `metadata`, `table`). */
  private memo: Map<string, unknown> | undefined

  constructor(object: T, revision: number)
  /** From stored bytes: the object is parsed when somebody first looks at it. */
  constructor(object: undefined, revision: number, bytes: Uint8Array)
  constructor(object: T | undefined, revision: number, bytes?: Uint8Array) {
    this.parsed = object
    this.revision = revision
    this.json = bytes
  }

  get object(): T {
    this.parsed ??= JSON.parse(decoder.decode(this.json)) as T
    return this.parsed
  }

  get bytes(): Uint8Array {
    if (this.json === undefined) {
      encodeCount++
      this.json = encoder.encode(JSON.stringify(this.object))
    }
    return this.json
  }

  /**
   * The watch frame of that type, made by `make` unless it was the last one asked for. The object's own bytes become the part
   * of the frame that begins at `start`, so that the two do not take up memory twice.
   */
  framed(type: string, start: number, make: (json: Uint8Array) => Uint8Array): Uint8Array {
    if (this.frame?.type === type) return this.frame.bytes
    const json = this.bytes
    const bytes = make(json)
    this.frame = { type, bytes }
    this.json = bytes.subarray(start, start + json.length)
    return bytes
  }

  /** The memoised value under `key`, made by `make` on first use. */
  derived<V>(key: string, make: () => V): V {
    this.memo ??= new Map()
    let value = this.memo.get(key) as V | undefined
    if (value === undefined) {
      value = make()
      this.memo.set(key, value)
    }
    return value
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
let encodeCount = 0

/** How many objects were turned into JSON since the process started. For the test of "encode once". */
export function encodes(): number {
  return encodeCount
}
