import { describe, expect, it } from 'vitest'
import { formatLabels, formatSelector, selectorText, shortList, since } from './format.ts'

describe('selectorText', () => {
  it('sorts by key, and values within', () => {
    const selector = {
      matchLabels: { tier: 'web', app: 'shop' },
      matchExpressions: [
        { key: 'zone', operator: 'NotIn', values: ['b', 'a'] },
        { key: 'env', operator: 'In', values: ['prod', 'dev'] },
        { key: 'gone', operator: 'DoesNotExist' },
        { key: 'here', operator: 'Exists' },
      ],
    }
    expect(selectorText(selector)).toBe('app=shop,env in (dev,prod),!gone,here,tier=web,zone notin (a,b)')
  })
  it('is empty for everything, shown as <none>', () => {
    expect(selectorText({})).toBe('')
    expect(formatSelector(undefined)).toBe('<none>')
  })
})

it('shows labels sorted', () => {
  expect(formatLabels({ b: '2', a: '1' })).toBe('a=1,b=2')
  expect(formatLabels({})).toBe('<none>')
})

it('shortens lists', () => {
  expect(shortList(['a', 'b', 'c'], 3)).toBe('a,b,c')
  expect(shortList(['a', 'b', 'c', 'd', 'e'], 3)).toBe('a,b,c + 2 more...')
})

it('shows the time since, or that it is not known', () => {
  const now = Date.parse('2030-01-01T00:02:05Z')
  expect(since('2030-01-01T00:00:00Z', now)).toBe('2m5s')
  expect(since(null, now)).toBe('<unknown>')
})
