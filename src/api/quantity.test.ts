import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
} from './quantity.ts'

describe('quantities', () => {
  it.each([
    ['0', '0'],
    ['0.0', '0'],
    ['100m', '100m'],
    ['0.1', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1.5Gi', '1536Mi'],
    ['1024', '1024'],
    ['1024Ki', '1Mi'],
    ['0.5Ki', '512'],
    ['1.5Ki', '1536'],
    ['1000', '1k'],
    ['1000000', '1M'],
    ['123e3', '123e3'],
    ['1e6', '1e6'],
    ['12E6', '12e6'],
    ['1E', '1E'],
    ['100e-3', '100e-3'],
    ['+5', '5'],
    ['-5', '-5'],
    ['.5', '500m'],
    ['5.', '5'],
    ['0.0000000001', '1n'],
    ['64Mi', '64Mi'],
    ['999999999999999999999', '9223372036854775807'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical)
  })

  it.each([
    ['', 'must match the regular expression'],
    ['abc', 'must match the regular expression'],
    ['1.2.3', 'numeric part'],
    ['1x', 'must match the regular expression'],
    ['1Mim', "unable to parse quantity's suffix"],
    ['1i', "unable to parse quantity's suffix"],
    ['-', 'must match the regular expression'],
  ])('refuses %j', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(message)
  })

  it('is stable: the canonical form of a canonical form is itself, and the value is kept', () => {
    const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E2', 'e-2')
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.nat(999), suffix, (whole, fraction, end) => {
        const parsed = parseQuantity(`${whole}.${fraction}${end}`)
        const text = formatQuantity(parsed)
        expect(parseQuantity(text).nanos).toBe(parsed.nanos)
        expect(formatQuantity(parseQuantity(text))).toBe(text)
      }),
    )
  })

  it('adds, compares and rounds up', () => {
    expect(addQuantities('100m', '0.9')).toBe('1')
    expect(addQuantities('0', '1Gi')).toBe('1Gi')
    expect(compareQuantities('1Gi', '1G')).toBeGreaterThan(0)
    expect(compareQuantities('1000m', '1')).toBe(0)
    expect(quantityValue('1500m')).toBe(2)
    expect(quantityMilliValue('1.5')).toBe(1500)
  })
})
