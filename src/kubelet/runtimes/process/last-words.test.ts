import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLastWords } from './last-words.node.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ebb-words-'))
  path = join(directory, 'termination-log')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('termination messages', () => {
  it('are what the file holds, of a long one the last 4096 bytes', () => {
    writeFileSync(path, 'bye')
    expect(readLastWords(path)).toBe('bye')
    writeFileSync(path, `${'x'.repeat(10_000)}END`)
    expect(readLastWords(path)).toBe(`${'x'.repeat(4093)}END`)
  })

  it('of a file of a terabyte are read no further', () => {
    writeFileSync(path, '')
    truncateSync(path, 2 ** 40)
    expect(readLastWords(path)).toBe('\0'.repeat(4096))
  })

  it.each<[what: string, make: () => void]>([
    ['nothing', () => {}],
    ['a folder', () => mkdirSync(path)],
    ['a pipe that nobody writes to', () => execFileSync('sh', ['-c', 'mkfifo "$0"', path])],
    ['a link to a file of the host', () => symlinkSync('/etc/hostname', path)],
    ['a link to a device', () => symlinkSync('/dev/zero', path)],
    ['a link to itself', () => symlinkSync(path, path)],
  ])('of %s are none', (_what, make) => {
    make()
    expect(readLastWords(path)).toBe('')
  })
})
