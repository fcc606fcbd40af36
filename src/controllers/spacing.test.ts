import { expect, it } from 'vitest'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { Spacing } from './spacing.ts'

it('holds back large things in proportion, small ones not at all', async () => {
  const clock = new SimClock({ drain })
  const spacing = new Spacing(clock)
  spacing.worked('small', 50)
  spacing.worked('large', 300)
  spacing.worked('huge', 1_000_000)
  expect(['small', 'large', 'huge', 'unknown'].map((key) => spacing.wait(key))).toEqual([0, 50, 1000, 0])
  await clock.advance(50)
  expect(spacing.wait('large')).toBe(0)
})
