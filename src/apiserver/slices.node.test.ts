import { expect, it } from 'vitest'
import { nextTurn } from './slices.node.ts'

it('of all that wait for a turn one goes on, and what became ready in it is written before the next', async () => {
  const seen: string[] = []
  const request = async (name: string) => {
    for (let i = 0; i < 3; i++) {
      await nextTurn()
      seen.push(name)
      // As answers are written: at the end of the turn in which they became ready.
      setImmediate(() => seen.push('written'))
    }
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(request))
  await new Promise((resolve) => setImmediate(resolve))
  const order = ['a', 'b', 'c', 'd'].flatMap((name) => [name, 'written'])
  expect(seen).toEqual([...order, ...order, ...order])
})
