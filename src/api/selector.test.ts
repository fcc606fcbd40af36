import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { matchesFields, parseFieldSelector } from './field-selector.ts'
import { labelSelector, mapSelector, parseLabelSelector } from './selector.ts'

const recordings = join(process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../shared'), 'golden/api')

describe('label selectors', () => {
  it.each([
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a in (b,c)', { a: 'c' }, true],
    ['a notin (b)', {}, true],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['n>4', { n: '5' }, true],
    ['n<4', { n: 'x' }, false],
    ['', { x: 'y' }, true],
    ['a=', { a: '' }, true],
    ['a=', {}, false],
    ['in=notin', { in: 'notin' }, true],
    ['toString', {}, false],
  ])('%s on %j is %s', (text, labels, expected) => {
    expect(parseLabelSelector(text).matches(labels as Record<string, string>)).toBe(expected)
  })

  it.each([
    ['b=1,a', 'a,b=1'],
    [' x in ( b , a ) ', 'x in (a,b)'],
    ['!gone,n>5', '!gone,n>5'],
  ])('prints %s as %s', (text, canonical) => {
    expect(String(parseLabelSelector(text))).toBe(canonical)
  })

  it('reads the selectors of specs', () => {
    const selector = labelSelector({
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['b', 'a'] }],
    })
    expect(String(selector)).toBe('app=web,tier in (a,b)')
    expect(selector.exact).toEqual({ key: 'app', value: 'web' })
    expect(labelSelector(undefined).matches({})).toBe(false)
    expect(labelSelector({}).matches({})).toBe(true)
    expect(mapSelector({}).matches({})).toBe(false)
    expect(mapSelector({ a: 'b' }).matches({ a: 'b', c: 'd' })).toBe(true)
  })

  const absent = !existsSync(recordings)
  it.skipIf(absent)(`refuses in Kubernetes' words${absent ? ' (no recordings here)' : ''}`, () => {
    const { steps } = JSON.parse(readFileSync(join(recordings, '40-list-label-selectors.json'), 'utf8'))
    for (const { request, response } of steps) {
      const text = new URL(`http://x${request.path}`).searchParams.get('labelSelector')
      if (text === null) continue
      let message: string | undefined
      try {
        parseLabelSelector(text)
      } catch (error) {
        message = (error as Error).message
      }
      expect(message, text).toBe(response.status === 400 ? response.body.message : undefined)
    }
  })
})

describe('field selectors', () => {
  it('reads terms', () => {
    expect(parseFieldSelector('a=1,b!=2,c==x\\,y,')).toEqual([
      { field: 'a', operator: '=', value: '1' },
      { field: 'b', operator: '!=', value: '2' },
      { field: 'c', operator: '=', value: 'x,y' },
    ])
    expect(matchesFields(parseFieldSelector('a=1,b!=2'), (field) => ({ a: '1', b: '3' })[field] ?? '')).toBe(true)
    expect(parseFieldSelector('=a')).toEqual([{ field: '', operator: '=', value: 'a' }])
  })

  it.each(['metadata.name in (a)', 'metadata.name', 'metadata.name>a'])('refuses %s', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(`invalid selector: '${text}'; can't understand '${text}'`)
  })
})
