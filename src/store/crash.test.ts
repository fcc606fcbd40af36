/** Durability under SIGKILL, and what damaged files do. EBB_CRASH_SECONDS sets how long the killing goes on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SeededRandom } from '../base/random.ts'
import { openLmdbJournal } from './lmdb-journal.node.ts'

const SECONDS = Number(process.env.EBB_CRASH_SECONDS ?? 10)
const SEED = Number(process.env.EBB_SEED ?? Math.floor(Math.random() * 2 ** 31))
const DAMAGED_CASES = 60
/** The bundles lie outside of the package: this is where they find what is not bundled. */
const CHILD_ENV = { ...process.env, NODE_PATH: fileURLToPath(new URL('../../node_modules', import.meta.url)) }
const PAGE = 4096

let folder: string
let script: string
let reader: string
const children = new Set<ChildProcess>()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-crash-'))
  script = await bundle(import.meta.resolve('./crash-writer.node.ts'))
  reader = await bundle(import.meta.resolve('./damage-reader.node.ts'))
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Bundles a file for a child process. */
async function bundle(url: string): Promise<string> {
  const entry = fileURLToPath(url)
  const outfile = join(folder, basename(entry).replace('.ts', '.mjs'))
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  return outfile
}

/** Cuts, flips, overwrites, blanks or swaps something at random. */
function damage(good: Buffer, random: SeededRandom): Buffer {
  const bytes = Buffer.from(good)
  const page = () => random.int(bytes.length / PAGE) * PAGE
  const at = random.int(bytes.length)
  switch (random.int(6)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      bytes[at] = (bytes[at] as number) ^ (1 << random.int(8))
      break
    case 2:
      for (let i = at; i < Math.min(at + random.int(5_000), bytes.length); i++) bytes[i] = random.int(256)
      break
    case 3:
      bytes.fill(0, page(), page() + PAGE)
      break
    case 4:
      bytes[random.int(2 * PAGE)] = random.int(256)
      break
    default: {
      const from = page()
      bytes.copy(bytes, page(), from, from + PAGE)
    }
  }
  return bytes
}

async function fillStore(data: string): Promise<number> {
  const journal = await openLmdbJournal(data)
  const random = new SeededRandom(1)
  const keys = new Set<string>()
  for (let revision = 2; revision < 60; revision++) {
    const touched = [...new Set(Array.from({ length: 20 }, () => `/pods/ns/${random.int(300)}`))]
    const records = touched.map((key) => {
      const value = random.int(4) === 0 ? undefined : new Uint8Array(random.int(6_000))
      if (value) keys.add(key)
      else keys.delete(key)
      return { key, value, createRevision: revision, modRevision: revision, version: 1 }
    })
    await journal.commit({ revision, records })
  }
  await journal.close()
  return keys.size
}

it(`[ST21] survives any damage of the file: corrupt and untouched, or all there (EBB_SEED=${SEED})`, async () => {
  const random = new SeededRandom(SEED)
  const base = join(folder, 'base')
  const count = await fillStore(base)
  const good = readFileSync(join(base, 'data.mdb'))
  const cases = Array.from({ length: DAMAGED_CASES }, (_, i) => ({
    path: join(folder, `case-${i}`),
    bytes: damage(good, random),
  }))
  for (const { path, bytes } of cases) {
    mkdirSync(path)
    writeFileSync(join(path, 'store.json'), readFileSync(join(base, 'store.json')))
    writeFileSync(join(path, 'data.mdb'), bytes)
  }
  const child = spawn(process.execPath, [reader, ...cases.map(({ path }) => path)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: CHILD_ENV,
  })
  children.add(child)
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code, signal] = await once(child, 'close')
  children.delete(child)
  expect([code, signal]).toEqual([0, null])
  const outcomes = output.trim().split('\n')
  for (const [i, { path, bytes }] of cases.entries()) {
    if (outcomes[i] === 'corrupt') expect(readFileSync(join(path, 'data.mdb')).equals(bytes)).toBe(true)
    else expect(outcomes[i]).toMatch(new RegExp(`^ok 59 ${count}$`))
  }
  expect(outcomes.filter((outcome) => outcome === 'corrupt').length).toBeGreaterThan(DAMAGED_CASES / 4)
})

interface Attempt {
  readonly revision: number
  readonly changes: readonly [string, string | null][]
}

/** What the child noted: attempts in order, the highest revision that was seen or acknowledged. */
function readNotes(path: string): { attempts: Attempt[]; promised: number; acknowledged: number } {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
  const attempts: Attempt[] = []
  let promised = 0
  let acknowledged = 0
  for (const line of lines) {
    const [kind, revision = '', ...rest] = line.split(' ')
    if (kind === 'T') attempts.push({ revision: Number(revision), changes: JSON.parse(rest.join(' ')) })
    else promised = Math.max(promised, Number(revision))
    if (kind === 'A') acknowledged++
  }
  return { attempts, promised, acknowledged }
}

async function killOnce(data: string, notes: string, random: SeededRandom): Promise<void> {
  const child = spawn(process.execPath, [script, data, notes, String(random.int(2 ** 31))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: CHILD_ENV,
  })
  children.add(child)
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  await pause(random.int(200))
  child.kill('SIGKILL')
  const [, signal] = await exited
  children.delete(child)
  expect(signal).toBe('SIGKILL')
}

it(
  `[ST23] keeps every acknowledged write through SIGKILL, for ${SECONDS} s (EBB_SEED=${SEED})`,
  async () => {
    const random = new SeededRandom(SEED)
    const data = join(folder, 'data')
    const state = new Map<string, string>()
    let revision = 1
    let rounds = 0
    let acknowledgements = 0
    const end = performance.now() + SECONDS * 1_000
    while (performance.now() < end) {
      const notes = join(folder, `notes-${rounds++}`)
      await killOnce(data, notes, random)
      const { attempts, promised, acknowledged } = readNotes(notes)
      acknowledgements += acknowledged
      const journal = await openLmdbJournal(data)
      const loaded = await journal.load()
      const records = [...loaded.records]
      await journal.close()
      // Never back, and nothing missing that anybody was told of.
      expect(loaded.revision).toBeGreaterThanOrEqual(Math.max(revision, promised))
      // Whole transactions, in order, and nothing else: the state is that of its revision.
      for (const attempt of attempts) {
        if (attempt.revision > loaded.revision) break
        for (const [key, value] of attempt.changes) value === null ? state.delete(key) : state.set(key, value)
      }
      const decoder = new TextDecoder()
      const found = new Map(records.map((record) => [record.key, decoder.decode(record.value)]))
      expect(new Map([...found].sort())).toEqual(new Map([...state].sort()))
      revision = loaded.revision
      rmSync(notes)
    }
    console.log(`${rounds} kills, ${acknowledgements} acknowledged writes, none missing`)
    expect(rounds).toBeGreaterThan(SECONDS / 2)
  },
  SECONDS * 1_000 + 30_000,
)
