import { expect, it } from 'vitest'
import { drain } from '../../sim/drain.node.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { Expectations } from './expectations.ts'

it('waits for what was done to be seen, five minutes at most', async () => {
  const clock = new SimClock({ drain })
  const expectations = new Expectations(clock)
  expect(expectations.wait('a')).toBe(0)
  expectations.expect('a', 2)
  expectations.created('a')
  expect(expectations.wait('a')).toBe(300_000)
  expectations.created('a')
  expect(expectations.wait('a')).toBe(0)
  expectations.expect('a', 0, ['x', 'y'])
  expectations.deleted('a', 'x')
  expectations.deleted('a', 'unknown')
  await clock.advance(100_000)
  expect(expectations.wait('a')).toBe(200_000)
  await clock.advance(200_000)
  expect(expectations.wait('a')).toBe(0)
  expectations.expect('a', 1)
  expectations.forget('a')
  expect(expectations.wait('a')).toBe(0)
})
