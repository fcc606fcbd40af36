/** SHA-256 (FIPS 180-4) where the machine's own is out of reach: short texts, a few times. */

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes; of the square roots of the first 8. */
const K = new Uint32Array(64)
const START = new Uint32Array(8)

function prepare(): void {
  let found = 0
  for (let n = 2; found < 64; n++) {
    if (!isPrime(n)) continue
    if (found < 8) START[found] = fraction(Math.sqrt(n))
    K[found++] = fraction(Math.cbrt(n))
  }
}

const isPrime = (n: number) => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}
const fraction = (root: number) => Math.floor((root - Math.floor(root)) * 2 ** 32)

/** The digest of the text's UTF-8, 32 bytes. */
export function sha256(text: string): Uint8Array {
  if (K[0] === 0) prepare()
  const bytes = new TextEncoder().encode(text)
  const blocks = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64)
  blocks.set(bytes)
  blocks[bytes.length] = 0x80
  const view = new DataView(blocks.buffer)
  view.setUint32(blocks.length - 4, bytes.length * 8)
  const state = START.slice()
  for (let at = 0; at < blocks.length; at += 64) mix(state, view, at)
  const out = new DataView(new ArrayBuffer(32))
  for (const [i, word] of state.entries()) out.setUint32(i * 4, word)
  return new Uint8Array(out.buffer)
}

const rotate = (x: number, n: number) => (x >>> n) | (x << (32 - n))
const at = (words: Uint32Array, i: number) => words[i] as number

function mix(state: Uint32Array, view: DataView, offset: number): void {
  const w = new Uint32Array(64)
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(offset + i * 4)
  for (let i = 16; i < 64; i++) {
    const a = at(w, i - 15)
    const b = at(w, i - 2)
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10)
    w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1
  }
  const s = state.slice()
  for (let i = 0; i < 64; i++) round(s, at(K, i) + at(w, i))
  for (let i = 0; i < 8; i++) state[i] = at(state, i) + at(s, i)
}

/** One round on the eight words a..h. */
function round(s: Uint32Array, kw: number): void {
  const [a, b, c, e, f, g] = [at(s, 0), at(s, 1), at(s, 2), at(s, 4), at(s, 5), at(s, 6)]
  const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
  const first = at(s, 7) + s1 + ((e & f) ^ (~e & g)) + kw
  const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
  const second = s0 + ((a & b) ^ (a & c) ^ (b & c))
  s.copyWithin(1, 0, 7)
  s[4] = at(s, 4) + first
  s[0] = first + second
}
