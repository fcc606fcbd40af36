import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { crc32, crc32ByTable } from './crc32.node.ts'
import { lmdbDamage } from './lmdb-check.node.ts'
import { openLmdbJournal } from './lmdb-journal.node.ts'

let folder: string
let data: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-journal-'))
  data = join(folder, 'data')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const record = (key: string, revision: number, size: number) => ({
  key,
  value: new Uint8Array(size).fill(revision),
  createRevision: revision,
  modRevision: revision,
  version: 1,
})

/** A journal with 50 values on both sides of a page's size, closed again. */
async function fill(): Promise<void> {
  const journal = await openLmdbJournal(data)
  await journal.load()
  for (let i = 2; i < 52; i++) await journal.commit({ revision: i, records: [record(`/pods/ns/${i}`, i, i * 150)] })
  await journal.close()
}

/** Everything in a folder, for proving that nothing was touched. */
function fingerprint(path: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(path).sort()) hash.update(name).update(readFileSync(join(path, name)))
  return hash.digest('hex')
}

async function refused(path: string, code: string): Promise<string> {
  const before = fingerprint(path)
  const error = await openLmdbJournal(path).then(
    () => expect.fail('it was opened'),
    (error: Error) => error,
  )
  expect(error).toMatchObject({ code })
  expect(error.message).toContain(path)
  expect(fingerprint(path)).toBe(before)
  return error.message
}

it('[ST19] brings back values, revisions and versions, and what was deleted stays away', async () => {
  await fill()
  const journal = await openLmdbJournal(data)
  const gone = { key: '/pods/ns/2', value: undefined, createRevision: 0, modRevision: 52, version: 0 }
  await journal.commit({
    revision: 52,
    records: [gone, { ...record('/pods/ns/3', 52, 9), createRevision: 3, version: 2 }],
  })
  await journal.close()
  const again = await openLmdbJournal(data)
  const { revision, records } = await again.load()
  const byKey = new Map([...records].map((r) => [r.key, r]))
  await again.close()
  expect(revision).toBe(52)
  expect(byKey.size).toBe(49)
  expect(byKey.get('/pods/ns/3')).toMatchObject({ createRevision: 3, modRevision: 52, version: 2 })
  expect(Buffer.from(byKey.get('/pods/ns/51')?.value ?? '').equals(Buffer.alloc(51 * 150, 51))).toBe(true)
})

it('[ST20] refuses a folder that holds something else, and touches nothing', async () => {
  mkdirSync(data)
  writeFileSync(join(data, 'thesis.txt'), 'my only copy')
  expect(await refused(data, 'foreign')).toContain('it holds something else')
  rmSync(join(data, 'thesis.txt'))
  writeFileSync(join(data, 'data.mdb'), 'of another program')
  await refused(data, 'foreign')
})

it('[ST20] refuses a folder of another format or version', async () => {
  await fill()
  writeFileSync(join(data, 'store.json'), '{"format":"ebb-store","version":2}')
  expect(await refused(data, 'foreign')).toContain('version 2')
  writeFileSync(join(data, 'store.json'), 'nonsense')
  await refused(data, 'foreign')
  await expect(openLmdbJournal(join(data, 'store.json'))).rejects.toMatchObject({ code: 'foreign' })
})

it('[ST21] refuses a truncated file, an overwritten one, and one that never was a database', async () => {
  await fill()
  const file = join(data, 'data.mdb')
  const good = readFileSync(file)
  truncateSync(file, good.length - 20_000)
  await refused(data, 'corrupt')
  for (const length of [0, 100]) {
    writeFileSync(file, good.subarray(0, length))
    await refused(data, 'corrupt')
  }
  rmSync(file)
  expect(await refused(data, 'corrupt')).toContain('is missing')
  writeFileSync(file, Buffer.alloc(good.length, 'garbage'))
  await refused(data, 'corrupt')
  writeFileSync(file, good)
  expect(lmdbDamage(file)).toBeUndefined()
  const journal = await openLmdbJournal(data)
  expect([...(await journal.load()).records]).toHaveLength(50)
  await journal.close()
})

it('[ST21] notices a changed byte in a value', async () => {
  await fill()
  const file = join(data, 'data.mdb')
  const bytes = readFileSync(file)
  const at = bytes.lastIndexOf(Buffer.alloc(100, 51)) + 50
  bytes[at] = 7
  writeFileSync(file, bytes)
  const journal = await openLmdbJournal(data)
  await expect(journal.load()).rejects.toMatchObject({ code: 'corrupt' })
  await journal.close()
  expect(readFileSync(file).equals(bytes)).toBe(true)
})

it('[ST22] lets one process in at a time, and says who is inside', async () => {
  const journal = await openLmdbJournal(data)
  await expect(openLmdbJournal(data)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringContaining(`in use by another ebb (process ${process.pid})`),
  })
  await journal.close()
  await (await openLmdbJournal(data)).close()
})

it('[ST22] locks a folder with a path longer than a socket address', async () => {
  const deep = join(folder, 'x'.repeat(60), 'y'.repeat(60), 'data')
  const journal = await openLmdbJournal(deep)
  await expect(openLmdbJournal(deep)).rejects.toMatchObject({ code: 'locked' })
  await journal.close()
  await (await openLmdbJournal(deep)).close()
})

it('[ST22] goes on where somebody died while making the folder, or left a dead lock', async () => {
  mkdirSync(data)
  writeFileSync(join(data, 'store.json.new'), '')
  writeFileSync(join(data, 'data.mdb'), 'half')
  writeFileSync(join(data, 'lock-1-ab'), '')
  await fill()
  cpSync(data, join(folder, 'copy'), { recursive: true })
  writeFileSync(join(folder, 'copy', 'lock'), '')
  await (await openLmdbJournal(join(folder, 'copy'))).close()
})

it('computes the same checksum with and without Node', () => {
  for (const text of ['', 'a', '/pods/default/web-1', 'ä'.repeat(100)]) {
    expect(crc32ByTable(text)).toBe(crc32(text))
    expect(crc32ByTable(text, 123)).toBe(crc32(text, 123))
  }
})
