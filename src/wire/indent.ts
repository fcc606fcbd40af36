/**
 * JSON for people, made of compact JSON as it streams by: what `JSON.stringify(value, null, 2)` and Go's MarshalIndent write.
 * Each byte is looked at once, nothing is parsed, and no more is held than one chunk.
 */

/** Size of what is given out at a time, in bytes, or a little more. */
const CHUNK_BYTES = 64 * 1024

const [QUOTE, BACKSLASH, COLON, COMMA, SPACE, NEWLINE] = [0x22, 0x5c, 0x3a, 0x2c, 0x20, 0x0a]
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d]

/** `pieces` may be cut anywhere. What follows the value, a newline, is left out. */
export function* indented(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const writer = new Indenter()
  for (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      at = writer.read(piece, at)
      if (writer.size >= CHUNK_BYTES) yield writer.take()
    }
  if (writer.size > 0) yield writer.take()
}

class Indenter {
  size = 0
  private out = new Uint8Array(CHUNK_BYTES * 2)
  private depth = 0
  private inString = false
  private escaped = false
  /** A bracket was opened, and it is not known yet whether it stays empty. */
  private opened = false

  take(): Uint8Array {
    const taken = this.out.subarray(0, this.size)
    this.out = new Uint8Array(CHUNK_BYTES * 2)
    this.size = 0
    return taken
  }

  /** Reads on from `at`, to the end of the piece or until a chunk is full. Returns where to go on. */
  read(piece: Uint8Array, at: number): number {
    let i = at
    while (i < piece.length && this.size < CHUNK_BYTES) {
      if (this.inString) {
        const end = this.stringEnd(piece, i)
        this.copy(piece, i, end)
        i = end
      } else this.structural(piece[i++] as number)
    }
    return i
  }

  /** Behind the quote that closes the string, or as far as it may be copied at once. */
  private stringEnd(piece: Uint8Array, from: number): number {
    const limit = Math.min(piece.length, from + CHUNK_BYTES)
    for (let i = from; i < limit; i++) {
      const byte = piece[i]
      if (this.escaped) this.escaped = false
      else if (byte === BACKSLASH) this.escaped = true
      else if (byte === QUOTE) {
        this.inString = false
        return i + 1
      }
    }
    return limit
  }

  private structural(byte: number): void {
    if (byte === BRACE_END || byte === BRACKET_END) {
      this.depth--
      if (!this.opened) this.line()
      this.opened = false
      this.put(byte)
    } else if (byte !== SPACE && byte !== NEWLINE) {
      if (this.opened) this.line()
      this.opened = byte === BRACE || byte === BRACKET
      if (this.opened) this.depth++
      this.put(byte)
      if (byte === COMMA) this.line()
      else if (byte === COLON) this.put(SPACE)
      else if (byte === QUOTE) this.inString = true
    }
  }

  private line(): void {
    const width = 1 + 2 * this.depth
    this.reserve(width)
    this.out[this.size] = NEWLINE
    this.out.fill(SPACE, this.size + 1, this.size + width)
    this.size += width
  }

  private put(byte: number): void {
    this.reserve(1)
    this.out[this.size++] = byte
  }

  private copy(piece: Uint8Array, from: number, to: number): void {
    this.reserve(to - from)
    // Most strings are short, and a view costs more than their bytes.
    if (to - from > 64) this.out.set(piece.subarray(from, to), this.size)
    else for (let i = from, at = this.size; i < to; i++, at++) this.out[at] = piece[i] as number
    this.size += to - from
  }

  private reserve(bytes: number): void {
    if (this.size + bytes <= this.out.length) return
    const larger = new Uint8Array(2 * (this.size + bytes))
    larger.set(this.out)
    this.out = larger
  }
}
