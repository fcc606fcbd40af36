import { expect, it } from 'vitest'
import type { Pod, Service } from '../api/types/core-v1.gen.ts'
import { TriggerTimes } from './trigger-times.ts'

const at = (second: number) => `2026-01-01T00:00:0${second}Z`
const service: Service = { metadata: { name: 's', creationTimestamp: at(1) }, spec: {} }
const pod = (name: string, second: number): Pod => ({
  metadata: { name },
  spec: { containers: [] },
  status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(second) }] },
})

it('gives the creation of the Service, and then the earliest change not seen before', () => {
  const times = new TriggerTimes()
  const next = (...pods: readonly Pod[]) => times.next('s', service, pods)
  expect(next(pod('b', 0))).toBe(at(1))
  expect(next()).toBeUndefined()
  expect(next(pod('a', 4), pod('b', 3))).toBe(at(3))
  expect(next(pod('a', 4))).toBeUndefined()
  expect(next(pod('a', 5))).toBe(at(5))
  times.forget('s')
  expect(next(pod('a', 5))).toBe(at(1))
})
