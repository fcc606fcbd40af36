/** Which run folders are believed. What another user, or a link, laid there leads nobody to a signal, a removal or a wrong answer. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CliError } from '../cli/cli-error.ts'
import {
  createRunDirectory,
  type Instance,
  runningInstances,
  runRoot,
  signalInstance,
  startTicks,
  writeInstance,
} from './instance.node.ts'

/** An ordinary user that every system has. */
const NOBODY = 65534
/** No process has this number. */
const GONE = '999999999'
const isRoot = process.getuid?.() === 0
if (!isRoot) console.log('skipped, run folders of other users: only root can make them')

let folder: string
let victim: ChildProcess
const before = process.env.XDG_RUNTIME_DIR

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-instance-'))
  process.env.XDG_RUNTIME_DIR = folder
  victim = spawn('sleep', ['3600'])
})
afterEach(() => {
  victim.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  if (before === undefined) delete process.env.XDG_RUNTIME_DIR
  else process.env.XDG_RUNTIME_DIR = before
})

const root = () => join(folder, 'ebb')
const instance = (more: Partial<Instance> = {}): Instance => ({
  pid: victim.pid as number,
  startTicks: startTicks(victim.pid as number) as string,
  port: 6443,
  url: 'https://127.0.0.1:6443',
  kubeconfig: '/nowhere',
  data: undefined,
  version: '0',
  nodes: [],
  startedAtMs: 0,
  ...more,
})

/** A run folder at `root` that speaks of the victim, and one that speaks of a process that is gone, with somebody's file in it. */
function lay(at: string): void {
  for (const [name, pid] of [
    [String(victim.pid), victim.pid],
    [GONE, Number(GONE)],
  ] as const) {
    mkdirSync(join(at, name), { recursive: true, mode: 0o700 })
    writeFileSync(join(at, name, 'ebb.json'), JSON.stringify({ ...instance(), pid }))
    writeFileSync(join(at, name, 'thesis.txt'), 'years of work')
  }
  chmodSync(at, 0o700)
}

interface Hostile {
  readonly what: string
  /** Only root can make it. */
  readonly asRoot?: boolean
  /** What is done to a run folder that looks sound. */
  make(): void
  readonly why: RegExp
}

const HOSTILE: readonly Hostile[] = [
  {
    what: 'a link to another folder of ours',
    make() {
      renameSync(root(), join(folder, 'real'))
      symlinkSync(join(folder, 'real'), root())
    },
    why: /it is a link/,
  },
  {
    what: 'a file',
    make() {
      renameSync(root(), join(folder, 'real'))
      writeFileSync(root(), '')
    },
    why: /it is not a folder/,
  },
  { what: 'open to everybody', make: () => chmodSync(root(), 0o777), why: /other users can write/ },
  {
    what: 'open to a group',
    asRoot: true,
    make() {
      chownSync(root(), 0, 100)
      chmodSync(root(), 0o770)
    },
    why: /other users can write/,
  },
  { what: "another user's", asRoot: true, make: () => chownSync(root(), NOBODY, NOBODY), why: /to another user/ },
  { what: 'in a folder that is open to everybody', make: () => chmodSync(folder, 0o777), why: /can exchange/ },
  {
    what: "in another user's folder",
    asRoot: true,
    make: () => chownSync(folder, NOBODY, NOBODY),
    why: /can exchange/,
  },
]

describe('a run folder that is', () => {
  it.each(HOSTILE.filter(({ asRoot }) => isRoot || !asRoot))('$what is neither believed nor used', ({ make, why }) => {
    lay(root())
    make()
    for (const use of [runningInstances, runRoot, createRunDirectory]) {
      expect(use).toThrow(CliError)
      expect(use).toThrow(why)
    }
    const places = [root(), join(folder, 'real')].filter((at) => existsSync(join(at, String(victim.pid))))
    expect(places).not.toEqual([])
    for (const at of places)
      for (const name of [String(victim.pid), GONE]) expect(existsSync(join(at, name, 'thesis.txt'))).toBe(true)
    expect(victim.signalCode).toBe(null)
  })

  it('in a sticky folder, as /tmp is, is believed when it is ours', () => {
    chmodSync(folder, 0o1777)
    lay(root())
    expect(runningInstances().map(({ pid }) => pid)).toEqual([victim.pid])
  })
})

describe('in our own run folder', () => {
  it('what others could read is closed to them', () => {
    mkdirSync(root(), { mode: 0o755 })
    chmodSync(root(), 0o755)
    const directory = createRunDirectory()
    writeInstance(directory, instance({ pid: process.pid }))
    expect([root(), directory, join(directory, 'ebb.json')].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o700, 0o600,
    ])
  })

  it('what is left of dead ones is removed, but through no link', () => {
    lay(root())
    mkdirSync(join(folder, 'mine'))
    writeFileSync(join(folder, 'mine', 'thesis.txt'), '')
    symlinkSync(join(folder, 'mine'), join(root(), '999999998'))
    expect(runningInstances()).toHaveLength(1)
    expect(existsSync(join(root(), GONE))).toBe(false)
    expect(existsSync(join(folder, 'mine', 'thesis.txt'))).toBe(true)
  })

  it.each([
    ['another process', { pid: 1 }],
    ['an earlier process of that number', { startTicks: '1' }],
    ['no process', { pid: -1 }],
    ['something else', { pid: 'x' as never }],
  ])('a record that speaks of %s is not believed', (_, more) => {
    lay(root())
    writeFileSync(join(root(), String(victim.pid), 'ebb.json'), JSON.stringify(instance(more)))
    expect(runningInstances()).toEqual([])
  })

  it('a process that has the number of an ebb by now is not signalled', () => {
    expect(signalInstance(instance({ startTicks: '1' }), 'SIGKILL')).toBe(false)
    expect(victim.signalCode).toBe(null)
  })
})

it.skipIf(process.platform !== 'linux')('a place where no folder can be is said to be one', () => {
  process.env.XDG_RUNTIME_DIR = '/proc'
  expect(createRunDirectory).toThrow(/cannot be kept in \/proc\/ebb .*XDG_RUNTIME_DIR/)
})
