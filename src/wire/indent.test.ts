import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indented } from './indent.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]).toString()

/** The bytes in pieces of the given sizes, over and over. */
function* cut(all: Uint8Array, sizes: readonly number[]): Iterable<Uint8Array> {
  for (let at = 0, i = 0; at < all.length; i++) {
    const size = sizes[i % sizes.length] as number
    yield all.subarray(at, at + size)
    at += size
  }
}

describe('JSON for people', () => {
  it('is what JSON.stringify and Go make of it, wherever the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), sizes, (value, by) => {
        const all = bytes(`${JSON.stringify(value)}\n`)
        expect(text(indented(cut(all, by)))).toBe(JSON.stringify(value, null, 2))
      }),
    )
  })

  it('comes in chunks, however long a text and however deep the value', () => {
    const deep = '['.repeat(3000) + ']'.repeat(3000)
    const value = { long: 'x\\"'.repeat(300_000), many: Array.from({ length: 20_000 }, (_, i) => ({ i })), deep }
    const pieces = [...indented([bytes(JSON.stringify(value))])]
    expect(text(pieces)).toBe(JSON.stringify(value, null, 2))
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(256 * 1024)
    expect(text(indented([bytes(deep)]))).toBe(JSON.stringify(JSON.parse(deep), null, 2))
  })
})
