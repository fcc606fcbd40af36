import { describe, expect, it } from 'vitest'
import { systemClock, wallTime } from './clock.node.ts'

const START = 1_800_000_000_000
const HOUR = 3_600_000

/** A machine whose clock can be set, and which can sleep. */
function machine() {
  let wall = START
  let monotonic = 0
  return {
    wall: () => Math.floor(wall),
    monotonic: () => monotonic,
    pass(ms: number) {
      wall += ms
      monotonic += ms
    },
    set(by: number) {
      wall += by
    },
  }
}

describe('wall time', () => {
  it('has fractions of a millisecond and goes on evenly', () => {
    const clock = machine()
    const now = wallTime(clock, START)
    clock.pass(1.25)
    expect(now()).toBe(START + 1.25)
    clock.pass(0.5)
    expect(now()).toBe(START + 1.75)
  })

  it.each([HOUR, -HOUR, 60, -60, 1000 * 24 * HOUR])('follows the machine when it is set by %i ms', (by) => {
    const clock = machine()
    const now = wallTime(clock, START)
    clock.pass(1000.5)
    clock.set(by)
    expect(Math.abs(now() - (START + 1000.5 + by))).toBeLessThan(1)
    clock.pass(10)
    expect(Math.abs(now() - (START + 1010.5 + by))).toBeLessThan(1)
  })

  it('takes a pause of this process between two looks for no setting of the clock', () => {
    const clock = machine()
    let pause = 500
    const wall = () => {
      clock.pass(pause)
      pause = 0
      return clock.wall()
    }
    const now = wallTime({ ...clock, wall }, START)
    clock.pass(0.25)
    expect(now()).toBe(START + 500.25)
  })

  it('is that of this machine', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60)
  })
})
