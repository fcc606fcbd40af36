/** Protocol buffers' wire format, written: tags, varints, lengths. The other direction is `protobuf.ts`. */

import { LENGTH } from './protobuf-reader.ts'

const encoder = new TextEncoder()
const START_BYTES = 1024
/** Of a UTF-16 code unit. */
const UTF8_BYTES_MAX = 3

export class ProtobufWriter {
  private data = new Uint8Array(START_BYTES)
  private at = 0

  /** A number, a boolean or an enum. Negative numbers take ten bytes, as in Go. */
  integer(number: number, value: number | bigint): this {
    this.tag(number, 0)
    this.varint(typeof value === 'number' && value >= 0 ? value : BigInt.asUintN(64, BigInt(value)))
    return this
  }

  double(number: number, value: number): this {
    this.tag(number, 1)
    this.room(8)
    new DataView(this.data.buffer, this.at, 8).setFloat64(0, value, true)
    this.at += 8
    return this
  }

  text(number: number, value: string): this {
    return this.message(number, () => {
      this.room(value.length * UTF8_BYTES_MAX)
      this.at += encoder.encodeInto(value, this.data.subarray(this.at)).written
    })
  }

  /** Bytes, or a message that is written already. */
  bytes(number: number, value: Uint8Array): this {
    this.tag(number, LENGTH)
    this.varint(value.length)
    this.room(value.length)
    this.data.set(value, this.at)
    this.at += value.length
    return this
  }

  /** What `write` writes, into this same writer, is the message. */
  message(number: number, write: (inner: this) => void): this {
    this.tag(number, LENGTH)
    const start = this.at
    write(this)
    const end = this.at
    // The length comes first, and is known last: the message moves up by the bytes that it takes.
    this.varint(end - start)
    const size = this.at - end
    const length = this.data.slice(end, this.at)
    this.data.copyWithin(start + size, start, end)
    this.data.set(length, start)
    return this
  }

  /** What was written; the writer is not to be used any more. */
  done(): Uint8Array {
    return this.data.subarray(0, this.at)
  }

  private tag(number: number, wire: number): void {
    this.varint(number * 8 + wire)
  }

  /** Not negative; a number has to be a safe one. */
  private varint(value: number | bigint): void {
    this.room(10)
    let rest = value
    for (; typeof rest === 'bigint' && rest > Number.MAX_SAFE_INTEGER; rest >>= 7n)
      this.data[this.at++] = Number(rest & 0x7fn) | 0x80
    let small = Number(rest)
    for (; small > 0x7f; small = Math.floor(small / 128)) this.data[this.at++] = (small % 128) | 0x80
    this.data[this.at++] = small
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.data.length) return
    const larger = new Uint8Array(Math.max(this.data.length * 2, this.at + bytes))
    larger.set(this.data.subarray(0, this.at))
    this.data = larger
  }
}
