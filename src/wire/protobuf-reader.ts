/** Protocol buffers' wire format, read: tags, varints, lengths. Reads past the end are errors. `protobuf-writer.ts` writes it. */
import { inexact, isExact } from './integers.ts'
import { tooManyValues, VALUES_MAX } from './limits.ts'

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
  /** Of the message in which the fault is; undefined when it is the envelope's. */
  apiVersion?: string
}

/** Wire type of what has its length before it: texts, messages, lists of numbers. */
export const LENGTH = 2

export class ProtobufReader {
  private readonly data: Uint8Array
  /** How many fields were read, in all messages of the body. */
  private readonly count: { values: number }
  private at = 0

  constructor(data: Uint8Array, count = { values: 0 }) {
    this.data = data
    this.count = count
  }

  /** The message that is here. */
  nested(): ProtobufReader {
    return new ProtobufReader(this.bytes(), this.count)
  }

  get more(): boolean {
    return this.at < this.data.length
  }

  /** undefined at the end. Throws ApiError 413 for more fields than a body may have. */
  tag(): { number: number; wire: number } | undefined {
    if (!this.more) return undefined
    this.counted()
    const tag = Number(this.varint())
    return { number: Math.floor(tag / 8), wire: tag % 8 }
  }

  /** Notes one more value, with or without a tag. */
  counted(): void {
    if (++this.count.values > VALUES_MAX) throw tooManyValues()
  }

  varint(): bigint {
    let result = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.data[this.at++]
      if (byte === undefined) break
      result |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return result
    }
    throw new ProtobufError('unexpected end of a number')
  }

  /** A signed integer. Throws ApiError 400 for one that would be rounded. */
  integer(): number {
    const value = BigInt.asIntN(64, this.varint())
    if (!isExact(value)) throw inexact(String(value))
    return Number(value)
  }

  bytes(): Uint8Array {
    const length = Number(this.varint())
    const end = this.at + length
    if (end > this.data.length) throw new ProtobufError('unexpected EOF')
    const part = this.data.subarray(this.at, end)
    this.at = end
    return part
  }

  double(): number {
    if (this.at + 8 > this.data.length) throw new ProtobufError('unexpected EOF')
    const number = new DataView(this.data.buffer, this.data.byteOffset + this.at, 8).getFloat64(0, true)
    this.at += 8
    return number
  }

  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.at += 8
    else if (wire === LENGTH) this.bytes()
    else if (wire === 5) this.at += 4
    else throw new ProtobufError(`wire type ${wire}`)
    if (this.at > this.data.length) throw new ProtobufError('unexpected EOF')
  }
}
