import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLog } from './logs.node.ts'
import { type LogOptions, LogReader, logOptions, tailStart } from './logs.ts'

const encoder = new TextEncoder()
const plain: LogOptions = { follow: false, previous: false, timestamps: false }
const LOG = [
  '2026-01-02T03:04:05.000000001Z stdout F one',
  '2026-01-02T03:04:06.000000001Z stderr F two',
  '2026-01-02T03:04:07.000000001Z stdout P thr',
  '2026-01-02T03:04:07.000000002Z stdout F ee',
  '2026-01-02T03:04:08.000000001Z stdout F four',
  '',
].join('\n')

function read(options: Partial<LogOptions>, pieces: readonly string[] = [LOG]): string {
  const reader = new LogReader({ ...plain, ...options })
  return pieces.map((piece) => new TextDecoder().decode(reader.push(encoder.encode(piece)))).join('')
}

describe('LogReader', () => {
  it('[LG1] gives the text of lines, parts joined', () => {
    expect(read({})).toBe('one\ntwo\nthree\nfour\n')
  })

  it('[LG1] however the bytes are cut', () => {
    expect(read({}, [...LOG])).toBe('one\ntwo\nthree\nfour\n')
  })

  it('[LG1] with the time of each line, once', () => {
    expect(read({ timestamps: true })).toBe(
      [
        '2026-01-02T03:04:05.000000001Z one',
        '2026-01-02T03:04:06.000000001Z two',
        '2026-01-02T03:04:07.000000001Z three',
        '2026-01-02T03:04:08.000000001Z four',
        '',
      ].join('\n'),
    )
  })

  it('[LG2] since a time, to the second', () => {
    expect(read({ sinceMs: Date.parse('2026-01-02T03:04:07.900Z') })).toBe('three\nfour\n')
  })

  it('[LG2] limitBytes cuts in mid-line', () => {
    expect(read({ limitBytes: 6 })).toBe('one\ntw')
    expect(read({ limitBytes: 6 }, [...LOG])).toBe('one\ntw')
  })

  it('one stream only', () => {
    expect(read({ stream: 'Stderr' })).toBe('two\n')
    expect(read({ stream: 'Stdout' })).toBe('one\nthree\nfour\n')
  })

  it('passes on what is not in the format', () => {
    expect(read({}, ['garbage\n'])).toBe('garbage\n')
  })
})

it.each([
  [0, ''],
  [1, 'four\n'],
  [2, 'three\nfour\n'],
  [3, 'two\nthree\nfour\n'],
  [99, 'one\ntwo\nthree\nfour\n'],
])('[LG2] the last %i lines, parts counted as one', async (lines, expected) => {
  const bytes = encoder.encode(LOG)
  const from = await tailStart(bytes.length, lines, async (a, b) => bytes.slice(a, b))
  expect(read({}, [LOG.slice(from)])).toBe(expected)
})

it('[LG2] finds the last lines of a file of many blocks', async () => {
  const line = (i: number) => `2026-01-02T03:04:05.000000001Z stdout F ${'x'.repeat(200)} ${i}\n`
  const text = Array.from({ length: 5000 }, (_, i) => line(i)).join('')
  const bytes = encoder.encode(text)
  const from = await tailStart(bytes.length, 700, async (a, b) => bytes.slice(a, b))
  const out = read({}, [text.slice(from)])
    .trimEnd()
    .split('\n')
  expect(out).toHaveLength(700)
  expect(out[0]?.endsWith(' 4300')).toBe(true)
})

it('[LG2] reads each byte once, however many lines are asked for and however long they are', async () => {
  for (const line of ['', 'y', 'x'.repeat(300_000)]) {
    const record = `2026-01-02T03:04:05.000000001Z stdout F ${line}\n`
    const bytes = encoder.encode(record.repeat(Math.ceil(2_000_000 / record.length)))
    let read = 0
    let largest = 0
    const from = await tailStart(bytes.length, 1_000_000_000, async (a, b) => {
      read += b - a
      largest = Math.max(largest, b - a)
      return bytes.subarray(a, b)
    })
    expect(from).toBe(0)
    expect(read / bytes.length).toBeLessThan(1.01)
    expect(largest).toBeLessThan(100_000)
  }
})

it('[LG2] looks no further when nobody wants to know any more', async () => {
  let reads = 0
  expect(await tailStart(1e12, 1e9, async () => (++reads > 3 ? undefined : new Uint8Array(64 * 1024)))).toBe(1e12)
  expect(reads).toBe(4)
})

it('[LG2] finds the last lines wherever blocks are cut', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => `${'z'.repeat((i * 7919) % 97)}${i}`)
  const text = lines
    .map((line, i) => `2026-01-02T03:04:05.000000001Z stdout ${i % 3 === 0 ? 'P' : 'F'} ${line}\n`)
    .join('')
  const bytes = encoder.encode(text)
  const whole = read({}, [text]).split('\n').slice(0, -1)
  for (let pad = 0; pad < 130; pad++) {
    const padded = new Uint8Array(bytes.length + pad + 1)
    padded.fill(120, 0, pad)
    padded[pad] = 10
    padded.set(bytes, pad + 1)
    const from = await tailStart(padded.length, 1500, async (a, b) => padded.subarray(a, b))
    expect(read({}, [new TextDecoder().decode(padded.subarray(from))])).toBe(`${whole.slice(-1500).join('\n')}\n`)
  }
})

it('[LG1] a record without end does not fill memory: it is passed on', () => {
  const reader = new LogReader(plain)
  const piece = new Uint8Array(64 * 1024).fill(120)
  let given = 0
  for (let i = 0; i < 100; i++) given += reader.push(piece).length
  expect(given).toBeGreaterThan(98 * piece.length)
})

it('reads a query, and refuses numbers that are none', () => {
  const query = new URLSearchParams('follow=true&tailLines=3&sinceSeconds=10&timestamps=true&previous=false')
  expect(logOptions(query, 20_000)).toEqual({
    follow: true,
    previous: false,
    timestamps: true,
    tailLines: 3,
    sinceMs: 10_000,
  })
  expect(() => logOptions(new URLSearchParams('tailLines=x'), 0)).toThrow(
    'strconv.ParseInt: parsing "x": invalid syntax',
  )
})

describe('following a file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ebb-logs-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const line = (text: string) => `2026-01-02T03:04:05.000000001Z stdout F ${text}\n`

  it('[LG3] gives what is appended, and ends when the container has ended and all was read', async () => {
    const path = join(directory, '0.log')
    writeFileSync(path, line('one'))
    const ended = new AbortController()
    const follow = readLog(
      path,
      { ...plain, follow: true },
      { ended: ended.signal, gone: new AbortController().signal },
    )
    const next = async () => new TextDecoder().decode((await follow.next()).value as Uint8Array)
    expect(await next()).toBe('one\n')
    const second = next()
    appendFileSync(path, line('two'))
    expect(await second).toBe('two\n')
    appendFileSync(path, line('three'))
    ended.abort()
    expect(await next()).toBe('three\n')
    expect((await follow.next()).done).toBe(true)
  })

  it('[LG3] survives the removal of the file', async () => {
    const path = join(directory, '0.log')
    writeFileSync(path, line('one'))
    const ended = new AbortController()
    const follow = readLog(
      path,
      { ...plain, follow: true },
      { ended: ended.signal, gone: new AbortController().signal },
    )
    await follow.next()
    rmSync(path)
    ended.abort()
    expect((await follow.next()).done).toBe(true)
  })

  it('ends when nobody reads any more', async () => {
    const path = join(directory, '0.log')
    writeFileSync(path, line('one'))
    const gone = new AbortController()
    const follow = readLog(path, { ...plain, follow: true }, { ended: new AbortController().signal, gone: gone.signal })
    await follow.next()
    const last = follow.next()
    gone.abort()
    expect((await last).done).toBe(true)
  })

  it('waits for a file that is not there yet; without following it is empty', async () => {
    const path = join(directory, '0.log')
    const ended = new AbortController()
    const signals = { ended: ended.signal, gone: new AbortController().signal }
    expect((await readLog(path, plain, signals).next()).done).toBe(true)
    const follow = readLog(path, { ...plain, follow: true }, signals)
    const first = follow.next()
    writeFileSync(path, line('one'))
    expect(new TextDecoder().decode((await first).value as Uint8Array)).toBe('one\n')
    ended.abort()
    expect((await follow.next()).done).toBe(true)
  })

  it('starts at the last lines', async () => {
    const path = join(directory, '0.log')
    writeFileSync(path, line('one') + line('two'))
    const signals = { ended: AbortSignal.abort(), gone: new AbortController().signal }
    const parts = []
    for await (const part of readLog(path, { ...plain, tailLines: 1 }, signals)) parts.push(part)
    expect(Buffer.concat(parts).toString()).toBe('two\n')
  })
})
