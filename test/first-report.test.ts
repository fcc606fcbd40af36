/** The main job as `npm start` runs it: as this user, and, when that is root, as an ordinary one too. */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const EBB = fileURLToPath(new URL('../dist/ebb.mjs', import.meta.url))
const NOBODY = 65_534
/** What the main job may take, in s; it takes little more than half of it. */
const REPORT_S_MAX = 40
const isRoot = process.getuid?.() === 0
const homes: string[] = []
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true })
})

interface Run {
  readonly code: number | null
  readonly out: string
  /** Found in the environment of everything that the run started. */
  readonly mark: string
}

/** Runs the report with a home of its own and a mark in the environment. */
function report(language: string, uid: number | undefined): Promise<Run> {
  const home = mkdtempSync(join(tmpdir(), 'ebb-report-'))
  homes.push(home)
  if (uid !== undefined) chownSync(home, uid, uid)
  const mark = randomBytes(8).toString('hex')
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [EBB, 'report', '--lang', language], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, EBB_TEST_MARK: mark },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    let out = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        out += text
      })
    child.on('close', (code) => resolve({ code, out, mark }))
  })
}

function processesMarked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}

function canRead(uid: number): boolean {
  return spawnSync(process.execPath, ['-e', `require('fs').readFileSync('${EBB}')`], { uid, gid: uid }).status === 0
}

describe('the first report', () => {
  it('tells both sequences, what each app lost and why, and leaves nothing behind', async () => {
    const { code, out, mark } = await report('en', undefined)
    expect(code, out).toBe(0)
    for (const text of ['── careless', '── careful', 'DELETE accepted', 'SIGTERM', 'preStop begins', 'rules changed'])
      expect(out).toContain(text)
    const sentence = out.replace(/\s+/g, ' ')
    const careless = /the careless app lost (\d+) of (\d+) requests/.exec(sentence)
    expect(Number(careless?.[1]), out).toBeGreaterThan(0)
    const careful = /the careful app lost (none|\d+) of (\d+)/.exec(sentence)
    const lost = careful?.[1] === 'none' ? 0 : Number(careful?.[1])
    // None, on a machine that keeps up; never as many as those who do nothing about their end.
    expect(lost / Number(careful?.[2]), out).toBeLessThan(Number(careless?.[1]) / Number(careless?.[2]))
    expect(Number(/The report took ([\d.]+) s\./.exec(out)?.[1]), out).toBeLessThan(REPORT_S_MAX)
    expect(processesMarked(mark)).toEqual([])
  })

  it.runIf(isRoot && canRead(NOBODY))('works as an ordinary user, and in Korean', async () => {
    const { code, out, mark } = await report('ko', NOBODY)
    expect(code, out).toBe(0)
    expect(out).toContain('판정: careless 앱은')
    expect(out).toContain('규칙 변경')
    expect(processesMarked(mark)).toEqual([])
  })
})
