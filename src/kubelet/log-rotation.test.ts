/** The log of programs that write much: real processes write into real pipes. */
import { execFileSync, spawn } from 'node:child_process'
import {
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { LOG_BYTES_MAX, LOG_FILES_MAX, removeLog } from './log-files.node.ts'
import { readLog } from './logs.node.ts'
import { LogReader } from './logs.ts'
import { readFifo } from './runtimes/process/fifo.node.ts'
import { ContainerOutput } from './runtimes/process/output.node.ts'

const PLAIN = { follow: false, previous: false, timestamps: false }

let directory: string
let logs: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ebb-rotation-'))
  logs = join(directory, 'logs')
  path = join(logs, '0.log')
  mkdirSync(logs)
  makeFifos([join(directory, 'out'), join(directory, 'err')])
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const makeFifos = (paths: string[]) => execFileSync('sh', ['-c', 'mkfifo "$@"', 'sh', ...paths])

/** Runs a shell command whose output goes into the pipe; resolves when it has ended. */
function write(command: string, pipe = join(directory, 'out')): Promise<void> {
  const fd = openSync(pipe, constants.O_RDWR)
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', fd, 'inherit'] })
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

function outputOfAProgram(): ContainerOutput {
  const output = new ContainerOutput(systemClock, directory, path)
  output.start.open()
  return output
}

const files = () => readdirSync(logs).sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
const textOf = (file: string) => {
  const reader = new LogReader(PLAIN)
  return Buffer.from(reader.push(readFileSync(join(logs, file)))).toString()
}

it('keeps 5 files of 10 MiB, named as the kubelet names them, with the last lines whole and in order', async () => {
  const output = outputOfAProgram()
  const last = 1_700_000
  await write(`seq 1 ${last}`)
  output.finish()
  const names = files()
  expect(names).toHaveLength(LOG_FILES_MAX)
  for (const name of names.slice(0, -1)) expect(name).toMatch(/^0\.log\.\d{8}-\d{6}$/)
  expect(names.at(-1)).toBe('0.log')
  for (const name of names) expect(statSync(join(logs, name)).size).toBeLessThanOrEqual(LOG_BYTES_MAX)
  const lines = names.map(textOf).join('').trimEnd().split('\n').map(Number)
  const first = lines[0] as number
  expect(first).toBeGreaterThan(1)
  expect(lines.length).toBe(last - first + 1)
  expect(lines.every((line, i) => line === first + i)).toBe(true)
  removeLog(path)
  expect(files()).toEqual([])
})

it('a log that is gone on with counts what it has', async () => {
  execFileSync('sh', ['-c', `head -c ${LOG_BYTES_MAX - 100} /dev/zero >${path}`])
  const output = outputOfAProgram()
  await write('echo one; sleep 0.05; echo two; sleep 0.05; echo three')
  output.finish()
  expect(files()).toHaveLength(2)
  expect(statSync(join(logs, files()[0] as string)).size).toBeLessThanOrEqual(LOG_BYTES_MAX)
})

it('who follows it gets every byte once, over all its files; who does not gets the current one', async () => {
  const output = outputOfAProgram()
  const ended = new AbortController()
  const seams = { ended: ended.signal, gone: new AbortController().signal }
  const last = 1_200_000
  const written = write(`seq 1 ${last}`).then(() => {
    output.finish()
    ended.abort()
  })
  let expected = 1
  let rest = ''
  let wrong = 0
  for await (const bytes of readLog(path, { ...PLAIN, follow: true }, seams)) {
    const lines = (rest + Buffer.from(bytes).toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (Number(line) !== expected++) wrong++
  }
  await written
  expect({ last: expected - 1, rest, wrong }).toEqual({ last, rest: '', wrong: 0 })
  const now: Uint8Array[] = []
  for await (const bytes of readLog(path, PLAIN, seams)) now.push(bytes)
  expect(Buffer.concat(now).toString()).toBe(textOf('0.log'))
})

it('who follows too slowly goes on with the oldest file that is left, and gets nothing twice', async () => {
  const output = outputOfAProgram()
  const ended = new AbortController()
  const seams = { ended: ended.signal, gone: new AbortController().signal }
  await write('echo 0')
  const follow = readLog(path, { ...PLAIN, follow: true }, seams)
  const parts = [(await follow.next()).value as Uint8Array]
  await write('seq 1 2000000')
  output.finish()
  ended.abort()
  for await (const bytes of follow) parts.push(bytes)
  const lines = Buffer.concat(parts).toString().trimEnd().split('\n').map(Number)
  expect(lines.at(-1)).toBe(2_000_000)
  expect(lines.every((line, i) => i === 0 || line > (lines[i - 1] as number))).toBe(true)
})

it('pipes that are never empty take turns: two reads in a round of the event loop, however many they are', async () => {
  const pipes = Array.from({ length: 8 }, (_, i) => join(directory, `p${i}`))
  makeFifos(pipes)
  const readsOf = new Map<number, number>()
  let reads = 0
  let round = 0
  let wake = () => {}
  const readers = pipes.map((pipe) => {
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    writeSync(fd, Buffer.alloc(64 * 1024))
    return readFifo(pipe, (bytes) => {
      readsOf.set(round, (readsOf.get(round) ?? 0) + 1)
      writeSync(fd, Buffer.alloc(bytes.length))
      if (++reads === 400) wake()
    })
  })
  const count = () => {
    round++
    if (reads < 400) setImmediate(count)
  }
  setImmediate(count)
  await new Promise<void>((resolve) => {
    wake = resolve
  })
  for (const reader of readers) reader.close()
  // Each of them is read once as soon as there is something; from then on it is their turns.
  const beyond = [...readsOf.values()].reduce((sum, n) => sum + Math.max(0, n - 2), 0)
  expect(beyond).toBeLessThanOrEqual(pipes.length)
})
