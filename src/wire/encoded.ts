import type { KubernetesObject } from '../api/object.ts'

/** How an object is written out. `json` is the stored form; the others are derived from it, once, when first asked for. */
export type Representation = 'json' | 'table' | 'metadata'

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
  /** Memo of other representations and of watch frames, keyed by the renderer (e.g. `metadata`, `table`, `frame:json:MODIFIED`). */
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
