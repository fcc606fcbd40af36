import { describe, expect, it } from 'vitest'
// @ts-expect-error plain JavaScript, run by node as it is
import { compare } from './compare.mjs'

const fact = (t_ms: number, text: string, tolerance_ms = 500) => ({ id: text, t_ms, text, tolerance_ms })
const broken = (facts: object[], seen: object[]) =>
  compare({ facts }, seen).broken.map(
    ({ fact, why }: { fact: { text: string }; why: string }) => `${fact.text}: ${why}`,
  )

describe('the order of facts', () => {
  const facts = [fact(0, 'event Normal Started on Pod/p: Container started'), fact(2000, 'pod/p phase=Succeeded')]
  const seen = (eventAt: number, phaseAt: number) => [
    { t: phaseAt, text: 'pod/p phase=Succeeded' },
    { t: eventAt, text: 'event Normal Started on Pod/p: Container started' },
  ]

  it('an event may be told a moment after what it came before, and no later', () => {
    expect(broken(facts, seen(140, 100))).toEqual([])
    expect(broken(facts, seen(440, 100))).toHaveLength(1)
  })

  it('all else keeps its order to the millisecond', () => {
    const states = [fact(0, 'pod/p phase=Running'), fact(2000, 'pod/p phase=Succeeded')]
    const two = (first: number, second: number) => [
      { t: second, text: 'pod/p phase=Succeeded' },
      { t: first, text: 'pod/p phase=Running' },
    ]
    expect(broken(states, two(100, 101))).toEqual([])
    expect(broken(states, two(101, 100))).toHaveLength(1)
  })
})
