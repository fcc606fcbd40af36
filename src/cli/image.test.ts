import { describe, expect, it } from 'vitest'
import { mappingFile, mappingOf, mappingTable } from './image.ts'

describe('a mapping', () => {
  it.each([
    ['my-app:latest=./app', 'my-app:latest', './app'],
    ['registry.example.org/*=/srv/a=b', 'registry.example.org/*', '/srv/a=b'],
    [' *:dev = ./x ', '*:dev', './x'],
  ])('%s', (text, reference, path) => expect(mappingOf(text)).toEqual([reference, path]))

  it.each(['my-app', '=path', 'my-app=', 'my app=./x', ''])('%j is none', (text) =>
    expect(() => mappingOf(text)).toThrow('write it as REFERENCE=PATH'),
  )
})

describe('a file of mappings', () => {
  it('has one a line, comments and empty lines', () => {
    expect(mappingFile('# mine\n\n  app=./a\r\n*:dev=./b\n', 'f')).toEqual([
      ['app', './a'],
      ['*:dev', './b'],
    ])
  })

  it('that is wrong is refused with the line', () => {
    expect(() => mappingFile('app=./a\noops\n', 'images.txt')).toThrow(
      'images.txt, line 2: "oops" is not REFERENCE=PATH',
    )
  })
})

it('shows a table, or how to begin', () => {
  expect(mappingTable({ 'my-app:latest': '/srv/app', x: 'ebb/echo' }, 'en')).toBe(
    'IMAGE           PROGRAM\nmy-app:latest   /srv/app\nx               ebb/echo\n',
  )
  expect(mappingTable({}, 'en')).toContain('ebb image map')
  expect(mappingTable({}, 'ko')).toContain('ebb image map')
})
