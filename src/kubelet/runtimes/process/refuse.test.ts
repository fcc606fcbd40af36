import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../base/clock.node.ts'
import { Refuse } from './refuse.node.ts'
import { findTools } from './tools.node.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-refuse-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (tools = findTools()) => new Refuse(join(folder, 'gone'), tools, systemClock)

/** Files, folders that others may not enter, a link to what is not its own. */
function pod(name: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, 'locked', 'inside'), { recursive: true })
  writeFileSync(join(path, 'locked', 'file'), 'text')
  symlinkSync(join(folder, 'kept'), join(path, 'link'))
  chmodSync(join(path, 'locked'), 0o000)
  return path
}

describe('what pods leave behind', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'kept'))
    writeFileSync(join(folder, 'kept', 'file'), 'text')
  })

  it('is at its place no more when it was taken, and nowhere in the end', async () => {
    const refuse = open()
    for (const name of ['a', 'b', 'c']) {
      const path = pod(name)
      await refuse.take(path)
      expect(existsSync(path)).toBe(false)
      // The name is free: another may have it.
      await refuse.take(pod(name))
    }
    await refuse.take(join(folder, 'never-there'))
    await refuse.close()
    expect(readdirSync(folder).sort()).toEqual(['gone', 'kept'])
    expect(readdirSync(join(folder, 'gone'))).toEqual([])
    expect(readdirSync(join(folder, 'kept'))).toEqual(['file'])
  })

  it('is removed by the next node process where the last one did not get to it', async () => {
    mkdirSync(join(folder, 'gone', '17-0'), { recursive: true })
    pod('gone/17-0/0')
    await open().close()
    expect(readdirSync(join(folder, 'gone'))).toEqual([])
  })

  it('is removed also where no tool can be started', async () => {
    const refuse = open({ ...findTools(), rm: '/nowhere/rm' })
    await refuse.take(pod('a'))
    await refuse.close()
    expect(readdirSync(join(folder, 'gone'))).toEqual([])
  })

  it('is removed one by one where it cannot be moved', async () => {
    const refuse = open()
    rmSync(join(folder, 'gone'), { recursive: true })
    const path = pod('a')
    await refuse.take(path)
    expect(existsSync(path)).toBe(false)
    await refuse.close()
  })
})
