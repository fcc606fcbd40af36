/** The demo image as a program: what it says, and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { echoOptions } from './echo-options.ts'

let folder: string
let bundle: string
let child: ChildProcess | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-echo-'))
  bundle = join(folder, 'echo.mjs')
  const entry = fileURLToPath(new URL('echo.node.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
})
afterEach(() => child?.kill('SIGKILL'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Running {
  readonly lines: string[]
  line(text: string | RegExp): Promise<void>
  get(path: string): Promise<{ status: number; text: string; connection: string | null }>
  readonly exited: Promise<number | NodeJS.Signals | null>
  term(): void
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function run(env: Record<string, string>, args: readonly string[] = []): Promise<Running> {
  const port = await freePort()
  const flags = args.length > 0 ? [...args, `--http-port=${port}`, '--udp-port', String(await freePort())] : []
  const started = spawn(process.execPath, [bundle, ...flags], { env: { ...env, PORT: String(port) } })
  child = started
  const lines: string[] = []
  for (const stream of [started.stdout, started.stderr])
    stream
      .setEncoding('utf8')
      .on('data', (text: string) => lines.push(...text.split('\n').filter((line) => line !== '')))
  const running: Running = {
    lines,
    async line(text) {
      while (!lines.some((line) => line.match(text))) {
        if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}: ${lines.join(' | ')}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return { status: response.status, text: await response.text(), connection: response.headers.get('connection') }
    },
    exited: new Promise((resolve) => started.once('exit', (code, signal) => resolve(code ?? signal))),
    term: () => void started.kill('SIGTERM'),
  }
  await running.line(/listening|Started HTTP/)
  return running
}

describe('ebb/echo', () => {
  it('answers with the name of its pod, and with what it was told to say', async () => {
    const echo = await run({ HOSTNAME: 'web-1' })
    expect(await echo.get('/')).toMatchObject({ status: 200, text: 'web-1\n' })
    expect((await echo.get('/hostname')).text).toBe('web-1')
    expect((await echo.get('/echo?msg=a%20b')).text).toBe('a b')
    expect((await echo.get('/echo?msg=x&code=503')).status).toBe(503)
    expect((await echo.get('/healthz')).status).toBe(200)
    expect(JSON.parse((await echo.get('/shell?cmd=echo%20hi')).text)).toEqual({ output: 'hi\n' })
  })

  it('exits at once on TERM', async () => {
    const echo = await run({ ON_TERM: 'exit', EXIT_CODE: '7' })
    echo.term()
    expect(await echo.exited).toBe(7)
    expect(echo.lines.slice(1)).toEqual(['TERM', 'exiting'])
  })

  it('ignores TERM, or has no handler at all', async () => {
    const ignores = await run({ ON_TERM: 'ignore' })
    ignores.term()
    await ignores.line('TERM: ignored')
    expect((await ignores.get('/')).status).toBe(200)
    child?.kill('SIGKILL')
    const none = await run({ ON_TERM: 'none' })
    none.term()
    expect(await none.exited).toBe('SIGTERM')
  })

  it('drains: serves on, is not ready any more, finishes what runs, exits', async () => {
    const echo = await run({ ON_TERM: 'drain', DRAIN_MS: '300', WORK_MS: '100', READY_FAILS_ON_TERM: 'true' })
    expect((await echo.get('/readyz')).status).toBe(200)
    echo.term()
    await echo.line('TERM: draining')
    expect(await echo.get('/readyz')).toMatchObject({ status: 503, text: 'draining' })
    expect(await echo.get('/')).toMatchObject({ status: 200, connection: 'close' })
    expect(await echo.exited).toBe(0)
    expect(echo.lines.at(-1)).toBe('drained, exiting')
  })

  it('begins to drain at /shutdown, without exiting', async () => {
    const echo = await run({ READY_FAILS_ON_TERM: '1' })
    expect((await echo.get('/shutdown')).status).toBe(200)
    expect((await echo.get('/readyz')).status).toBe(503)
    expect((await echo.get('/')).status).toBe(200)
  })

  it('is ready later than alive when asked to be', async () => {
    const echo = await run({ READY_DELAY_MS: '60000' })
    expect((await echo.get('/healthz')).status).toBe(200)
    expect(await echo.get('/readyz')).toMatchObject({ status: 503, text: 'starting' })
  })
})

describe('ebb/echo as agnhost netexec', () => {
  it('says what netexec says, and waits before it ends', async () => {
    const echo = await run({}, ['netexec', '--delay-shutdown=1'])
    await echo.line('Started UDP server on port {2}')
    expect((await echo.get('/hostName')).text).toBe(hostname())
    echo.term()
    await echo.line('Sleeping 1 seconds before terminating...')
    expect((await echo.get('/echo?msg=still')).text).toBe('still')
    expect(await echo.exited).toBe(0)
  })

  it('exits with 0 at once without a delay, and as /exit says', async () => {
    const echo = await run({}, ['netexec'])
    echo.term()
    expect(await echo.exited).toBe(0)
    const other = await run({}, ['netexec'])
    await other.get('/exit?code=3')
    expect(await other.exited).toBe(3)
  })
})

it.each([
  [{ PORT: 'x' }, 'PORT=x: expected a number'],
  [{ DRAIN_MS: '-1' }, 'DRAIN_MS=-1: expected a number'],
  [{ ON_TERM: 'sleep' }, 'ON_TERM=sleep: expected one of none, ignore, exit, drain'],
])('refuses %j', (env, message) => expect(() => echoOptions(env, [])).toThrow(message))
