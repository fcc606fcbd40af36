import { describe, expect, it } from 'vitest'
import { jsonEqual } from './json-equal.ts'

describe('jsonEqual', () => {
  it.each([
    [
      { a: 1, b: [{ c: null }] },
      { b: [{ c: null }], a: 1 },
    ],
    [{ a: undefined }, {}],
    [{}, { a: undefined }],
    [{ constructor: 'x' }, { constructor: 'x' }],
  ])('%j is %j', (a, b) => {
    expect(jsonEqual(a, b)).toBe(true)
  })

  it.each([
    [{ a: 1 }, { a: '1' }],
    [{ a: null }, {}],
    [{}, { a: null }],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], [1, 2]],
    [[], {}],
    [{}, { constructor: 'x' }],
    [{ toString: 'x' }, {}],
  ])('%j is not %j', (a, b) => {
    expect(jsonEqual(a, b)).toBe(false)
  })
})
