import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ImageMappings } from './image-mappings.node.ts'

let folder: string
let program: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-mappings-'))
  for (const name of ['data', 'run']) mkdirSync(join(folder, name))
  program = join(folder, 'app')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (given: Record<string, string> = {}) =>
  new ImageMappings({ data: join(folder, 'data'), run: join(folder, 'run') }, given)
const nodesRead = () => JSON.parse(readFileSync(join(folder, 'run/images.json'), 'utf8')) as unknown

it('are kept in the data folder; those of one start are not, and go before them', () => {
  const first = open({ flag: 'ebb/echo', both: 'ebb/echo' })
  first.change({ map: { kept: program, both: program } })
  expect(nodesRead()).toEqual({ kept: program, both: program, flag: 'ebb/echo' })
  expect(open().all).toEqual({ kept: program, both: program })
  expect(open({ both: 'ebb/echo' }).all).toEqual({ kept: program, both: 'ebb/echo' })
})

it('are forgotten, whichever sort they are', () => {
  const mappings = open({ flag: 'ebb/echo' })
  mappings.change({ map: { kept: program } })
  mappings.change({ unmap: ['kept', 'flag'] })
  expect(mappings.all).toEqual({})
  expect(nodesRead()).toEqual({})
  expect(open().all).toEqual({})
})

it('change all or not at all, and say what is wrong', () => {
  const mappings = open()
  mappings.change({ map: { a: program } })
  expect(() => mappings.change({ map: { b: program, c: '/nowhere' } })).toThrow('c=/nowhere: there is no such file')
  expect(() => mappings.change({ map: { b: program }, unmap: ['c'] })).toThrow('no program is mapped to c')
  expect(() => mappings.change({ map: { b: 'app' } })).toThrow('b=app: the path must be absolute')
  expect(() => mappings.change({ map: { 'a b': program } })).toThrow('"a b" is no image reference')
  expect(mappings.all).toEqual({ a: program })
  expect(readdirSync(join(folder, 'run'))).toEqual(['images.json'])
})

it('without a data folder they last as long as the cluster', () => {
  new ImageMappings({ data: undefined, run: join(folder, 'run') }, {}).change({ map: { a: program } })
  expect(nodesRead()).toEqual({ a: program })
  expect(readdirSync(join(folder, 'data'))).toEqual([])
})

it('a kept file that is broken is said, not overwritten', () => {
  const file = join(folder, 'data/images.json')
  for (const text of ['{', '[1]', '{"a": 1}', 'null']) {
    writeFileSync(file, text)
    expect(() => open()).toThrow(`${file} does not hold image mappings`)
    expect(readFileSync(file, 'utf8')).toBe(text)
  }
})
