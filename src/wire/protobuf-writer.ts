/** Protocol buffers' wire format, written: tags, varints, lengths. The other direction is `protobuf.ts`. */

const encoder = new TextEncoder()
const START_BYTES = 256

export class ProtobufWriter {
  private data = new Uint8Array(START_BYTES)
  private at = 0

  /** A number, a boolean or an enum. Negative numbers take ten bytes, as in Go. */
  integer(number: number, value: number | bigint): this {
    this.tag(number, 0)
    this.varint(BigInt.asUintN(64, BigInt(value)))
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
    return this.bytes(number, encoder.encode(value))
  }

  /** Bytes, or a message that is written already. */
  bytes(number: number, value: Uint8Array): this {
    this.tag(number, 2)
    this.varint(BigInt(value.length))
    this.room(value.length)
    this.data.set(value, this.at)
    this.at += value.length
    return this
  }

  message(number: number, write: (inner: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter()
    write(inner)
    return this.bytes(number, inner.done())
  }

  /** What was written; the writer is not to be used any more. */
  done(): Uint8Array {
    return this.data.subarray(0, this.at)
  }

  private tag(number: number, wire: number): void {
    this.varint(BigInt(number * 8 + wire))
  }

  private varint(value: bigint): void {
    this.room(10)
    let rest = value
    while (rest > 0x7fn) {
      this.data[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.data[this.at++] = Number(rest)
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.data.length) return
    const larger = new Uint8Array(Math.max(this.data.length * 2, this.at + bytes))
    larger.set(this.data.subarray(0, this.at))
    this.data = larger
  }
}
