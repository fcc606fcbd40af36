import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { sha256 } from './sha256.ts'

it.each([0, 1, 55, 56, 63, 64, 65, 1000])('agrees with the machine on %i letters', (length) => {
  const text = 'aé€'.repeat(length).slice(0, length)
  expect(Buffer.from(sha256(text)).toString('hex')).toBe(createHash('sha256').update(text).digest('hex'))
})
