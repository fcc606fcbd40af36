import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keepPrivate, makeFolder, writeWhole } from './whole-file.node.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-whole-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8)

describe('writeWhole', () => {
  it('replaces a file that others could read by one that they cannot', () => {
    const path = join(folder, 'key')
    writeFileSync(path, 'old')
    chmodSync(path, 0o644)
    writeWhole(path, 'new', { lasting: true })
    expect([readFileSync(path, 'utf8'), modeOf(path)]).toEqual(['new', '600'])
  })

  it('keeps the old file when it fails, and leaves no draft', () => {
    const path = join(folder, 'taken')
    makeFolder(join(path, 'inside'))
    expect(() => writeWhole(path, 'new')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    expect(existsSync(`${path}.new`)).toBe(false)
    expect(existsSync(join(path, 'inside'))).toBe(true)
  })

  it('does not write through a link that was laid where its draft goes', () => {
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'mine')
    symlinkSync(victim, join(folder, 'state.new'))
    writeWhole(join(folder, 'state'), 'state')
    expect([readFileSync(victim, 'utf8'), readFileSync(join(folder, 'state'), 'utf8')]).toEqual(['mine', 'state'])
  })
})

describe('makeFolder', () => {
  it('makes what is missing for the owner only, and takes what is there', () => {
    const path = join(folder, 'a', 'b', 'c')
    makeFolder(path)
    makeFolder(path)
    expect([modeOf(path), modeOf(join(folder, 'a'))]).toEqual(['700', '700'])
  })

  it.skipIf(process.platform !== 'linux')('gives up where no folder can be, instead of trying for ever', () => {
    expect(() => makeFolder('/proc/ebb/run')).toThrow(/ENOENT/)
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolder(join(folder, 'file'))).toThrow(/EEXIST/)
    expect(() => makeFolder(join(folder, 'file', 'below'))).toThrow(/ENOTDIR/)
  })
})

describe('keepPrivate', () => {
  it('takes the rights of others, but not through a link', () => {
    const path = join(folder, 'key')
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    symlinkSync(path, join(folder, 'link'))
    keepPrivate(join(folder, 'link'))
    expect(modeOf(path)).toBe('644')
    keepPrivate(path)
    keepPrivate(join(folder, 'missing'))
    expect(modeOf(path)).toBe('600')
  })
})
