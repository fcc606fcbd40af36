import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sayWhenSlow } from './progress.node.ts'

let said: string
beforeEach(() => {
  said = ''
  vi.useFakeTimers()
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text
    return true
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

it('speaks after a second of what still goes on, once', () => {
  sayWhenSlow({ en: 'Waiting.', ko: '기다리는 중입니다.' }, 'en')
  vi.advanceTimersByTime(999)
  expect(said).toBe('')
  vi.advanceTimersByTime(60_000)
  expect(said).toBe('Waiting.\n')
})

it('is silent about what was over sooner', () => {
  const over = sayWhenSlow({ en: 'Waiting.', ko: '기다리는 중입니다.' }, 'en')
  vi.advanceTimersByTime(999)
  over()
  vi.advanceTimersByTime(60_000)
  expect(said).toBe('')
})
