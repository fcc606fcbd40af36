import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedQueue } from './bounded-queue.ts'
import { Heap } from './heap.ts'
import { Ring } from './ring.ts'

describe('Heap', () => {
  it('gives back anything in order', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), (steps) => {
        const heap = new Heap<number>((a, b) => a - b)
        const model: number[] = []
        for (const step of steps) {
          if (step === undefined) expect(heap.pop()).toBe(model.shift())
          else {
            heap.push(step)
            model.push(step)
            model.sort((a, b) => a - b)
          }
          expect([heap.size, heap.peek()]).toEqual([model.length, model[0]])
        }
      }),
    )
  })
})

describe('Ring', () => {
  it('keeps the last values and hands back what had to go', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(20), (capacity, count) => {
        const ring = new Ring<number>(capacity)
        const all = Array.from({ length: count }, (_, i) => i)
        for (const value of all) expect(ring.push(value)).toBe(value >= capacity ? value - capacity : undefined)
        const kept = all.slice(-capacity)
        expect(Array.from({ length: ring.length }, (_, i) => ring.at(i))).toEqual(kept)
        expect([ring.at(-1), ring.at(ring.length), ring.newest()]).toEqual([undefined, undefined, kept.at(-1)])
        for (let value = -1; value <= count; value++) {
          const first = kept.findIndex((v) => v > value)
          expect(ring.firstWhere((v) => v > value)).toBe(first < 0 ? kept.length : first)
        }
      }),
    )
  })
})

describe('BoundedQueue', () => {
  it('takes in the order of pushing, and refuses when full', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean()), (max, steps) => {
        const queue = new BoundedQueue<number>(max)
        const model: number[] = []
        steps.forEach((push, i) => {
          if (push) {
            const room = model.length < max
            if (room) model.push(i)
            expect(queue.push(i)).toBe(room)
          } else expect(queue.take()).toBe(model.shift())
          expect([queue.size, queue.full]).toEqual([model.length, model.length >= max])
        })
      }),
    )
  })

  it('stays in order over many thousands', () => {
    const queue = new BoundedQueue<number>(10_000)
    let next = 0
    let expected = 0
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 500; i++) queue.push(next++)
      for (let i = 0; i < 480; i++) expect(queue.take()).toBe(expected++)
    }
    expect(queue.size).toBe(next - expected)
    queue.clear()
    expect(queue.take()).toBeUndefined()
  })
})
