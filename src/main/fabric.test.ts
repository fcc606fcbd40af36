/** The fabric on real namespaces, as root and as an ordinary user, and what is left of it after every kind of end: nothing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pidsWithMark } from '../kubelet/runtimes/process/proc.node.ts'
import { FABRIC_VARIABLE } from '../kubelet/runtimes/process/world.ts'
import { whyNoNamespaces } from './fabric.node.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** An ordinary user that every system has. */
const NOBODY = 65534

/** Starts a fabric and a node in it, says so in one line of JSON, then does as its standard input tells. */
const DRIVER = `
import { spawnNode, startFabric } from './src/main/fabric.node.ts'
import { createInterface } from 'node:readline'
const [mode, runDirectory, ...argv] = process.argv.slice(2)
const fabric = await startFabric({ runDirectory, mode })
const node = await spawnNode({ fabric, name: 'node-1', index: 0, argv, env: process.env })
if (process.env.TERM_AT_ONCE) node.kill('SIGTERM')
node.child.stdout.pipe(process.stdout)
node.child.stderr.pipe(process.stderr)
console.log(JSON.stringify({ mode: fabric.mode, id: fabric.id, initPid: fabric.initPid, degraded: fabric.degraded }))
node.exited.then(({ code }) => { if (process.env.EXIT_WITH_NODE) fabric.stop().then(() => process.exit(code)) })
createInterface({ input: process.stdin }).on('line', async (line) => {
  if (line === 'stop') { await fabric.stop(); process.exit(0) }
  if (line === 'cut') await fabric.setLink(0, 'down').then(() => console.log('link cut'))
  if (line === 'term') console.log('term ' + node.kill('SIGTERM'))
})
`

const started: Started[] = []
let folder: string
let driver: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-fabric-'))
  chmodSync(folder, 0o755)
  driver = join(folder, 'driver.mjs')
  const stdin = { contents: DRIVER, resolveDir: root, loader: 'ts' as const }
  await build({ stdin, outfile: driver, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
})
// The end of a driver is the end of its fabric: nothing is left when a test fails in the middle.
afterEach(async () => {
  for (const { child, said } of started.splice(0)) {
    child.kill('SIGKILL')
    await until(() => left(said.id).length === 0)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Started {
  readonly child: ChildProcess
  readonly runDirectory: string
  readonly said: { mode: string; id: string; initPid?: number; degraded: string[] }
  readonly output: () => string
}

async function start(mode: string, uid: number | undefined, argv: readonly string[], env = {}): Promise<Started> {
  const runDirectory = mkdtempSync(join(tmpdir(), 'ebb-run-'))
  const identity = uid === undefined ? {} : { uid, gid: uid }
  if (uid !== undefined) spawnSync('chown', [`${uid}:${uid}`, runDirectory])
  const child = spawn(process.execPath, [driver, mode, runDirectory, ...argv], {
    ...identity,
    cwd: '/',
    env: { ...process.env, HOME: '/tmp', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  await until(() => /^\{"mode".*\}$/m.test(output) || child.exitCode !== null)
  const line = /^\{"mode".*\}$/m.exec(output)?.[0]
  if (line === undefined) throw new Error(`the driver ended: ${output}`)
  const result: Started = { child, runDirectory, said: JSON.parse(line), output: () => output }
  started.push(result)
  return result
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Processes that belong to the fabric, the watchdog aside. */
const left = (id: string) => pidsWithMark(`${FABRIC_VARIABLE}=${id}`)

/** A program that escapes every process group, and one in the foreground. */
const ESCAPE = [
  'sh',
  '-c',
  'setsid sleep 3600 & trap "" TERM; setsid sh -c "trap \'\' TERM; while :; do sleep 1; done" & echo "up $$"; wait',
]

/** Why the tests cannot be run as an ordinary user too; undefined when they can. */
function whyNotAsNobody(): string | undefined {
  if (process.getuid?.() !== 0) return 'they run as one already'
  const identity = { uid: NOBODY, gid: NOBODY, cwd: '/' }
  const reads = 'require("fs").readdirSync(process.argv[1])'
  if (spawnSync(process.execPath, ['-e', reads, join(root, 'node_modules', 'vitest')], identity).status !== 0)
    return `user ${NOBODY} cannot read ${root} or run ${process.execPath}`
  const made = spawnSync('unshare', ['--user', '--map-root-user', '--net', '--mount', 'true'], identity)
  return made.status === 0 ? undefined : `user ${NOBODY} may not make namespaces: ${made.stderr}`
}

const whyNot = whyNotAsNobody()
if (whyNot) console.log(`skipped, fabric as user ${NOBODY}: ${whyNot}`)
const users = whyNot ? [undefined] : [undefined, NOBODY]
const why = whyNoNamespaces()
if (why) console.log(`skipped, fabric with namespaces: ${why}`)
const modes = why ? ['plain'] : ['namespaces', 'plain']

describe.each(modes)('fabric, %s', (mode) => {
  it.each(users)('leaves nothing after stop (user %s)', async (uid) => {
    const { child, runDirectory, said, output } = await start(mode, uid, ESCAPE)
    expect(said.mode).toBe(mode)
    await until(() => output().includes('up '))
    expect(left(said.id).length).toBeGreaterThan(2)
    child.stdin?.write('stop\n')
    await until(() => child.exitCode !== null)
    expect(left(said.id)).toEqual([])
    expect(existsSync(runDirectory)).toBe(false)
  })

  it.each(users)('leaves nothing after kill -9 (user %s)', async (uid) => {
    const { child, runDirectory, said, output } = await start(mode, uid, ESCAPE)
    await until(() => output().includes('up '))
    child.kill('SIGKILL')
    await until(() => left(said.id).length === 0 && !existsSync(runDirectory))
  })

  it('lets a node process end as it likes', async () => {
    const program = 'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")'
    const { child, output } = await start(mode, undefined, [process.execPath, '-e', program], { EXIT_WITH_NODE: '1' })
    await until(() => output().includes('up\n'))
    child.stdin?.write('term\n')
    await until(() => child.exitCode !== null)
    expect(child.exitCode).toBe(7)
  })

  it('ends a node process that is asked to while it is only entering its namespaces', async () => {
    const { child, output } = await start(mode, undefined, ['sleep', '3600'], {
      EXIT_WITH_NODE: '1',
      TERM_AT_ONCE: '1',
    })
    await until(() => child.exitCode !== null)
    expect(output()).toContain(`"mode":"${mode}"`)
  })
})

describe.skipIf(why !== undefined)('fabric with namespaces', () => {
  it.each(users)('gives the node a network and a PID namespace of its own (user %s)', async (uid) => {
    const script =
      'echo "uid $(id -u) pid1 $(tr "\\0" " " </proc/1/cmdline | tr "\\n" " " | cut -c1-10)"; ip -br addr show eth0; ip route; echo finished; read x'
    const { child, output, runDirectory } = await start('namespaces', uid, ['sh', '-c', script])
    await until(() => output().includes('finished'))
    expect(output()).toContain('uid 0 pid1 /bin/sh ')
    expect(output()).toContain('10.88.0.10/16')
    expect(output()).toContain('default via 10.88.0.1')
    child.stdin?.write('stop\n')
    await until(() => child.exitCode !== null)
    expect(existsSync(runDirectory)).toBe(false)
  })

  it('goes on plainly when its start fails half-way, and leaves nothing of it', async () => {
    const tools = mkdtempSync(join(folder, 'tools-'))
    writeFileSync(join(tools, 'ip'), '#!/bin/sh\necho "no such device" >&2; exit 1\n', { mode: 0o755 })
    const before = readFileSync('/proc/self/mountinfo', 'utf8')
    const { child, output, said, runDirectory } = await start(
      'namespaces',
      undefined,
      ['sh', '-c', 'echo up; read x'],
      {
        PATH: `${tools}:${process.env.PATH}`,
      },
    )
    await until(() => output().includes('up'))
    expect(said.mode).toBe('plain')
    expect(said.degraded[0]).toContain('no such device')
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before)
    child.stdin?.write('stop\n')
    await until(() => child.exitCode !== null)
    expect(left(said.id)).toEqual([])
    expect(existsSync(runDirectory)).toBe(false)
  })

  it('cuts a node off the lab network', async () => {
    const script =
      'link() { ip -br link show eth0; }; link; while link | grep -q LOWER_UP; do sleep 0.02; done; echo alone; read x'
    const { child, output } = await start('namespaces', undefined, ['sh', '-c', script])
    await until(() => output().includes('LOWER_UP'))
    child.stdin?.write('cut\n')
    await until(() => output().includes('alone') && output().includes('link cut'))
  })

  it("does not touch the host's interfaces, mounts or named namespaces", async () => {
    const host = () => [
      readdirSync('/sys/class/net').sort(),
      readFileSync('/proc/self/mountinfo', 'utf8'),
      existsSync('/run/netns') ? readdirSync('/run/netns') : [],
      spawnSync('nft', ['list', 'ruleset']).stdout?.toString() ?? '',
    ]
    const before = host()
    const { child, output } = await start('namespaces', undefined, ['sh', '-c', 'echo up; read x'])
    await until(() => output().includes('up'))
    expect(host()).toEqual(before)
    child.stdin?.write('stop\n')
    await until(() => child.exitCode !== null)
    expect(host()).toEqual(before)
  })
})

describe('the runtime in the fabric', () => {
  const inside = ['src/kubelet/runtimes/process.test.ts', 'src/kubelet/volumes/in-pods.test.ts']
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const flags = ['run', '--project', 'unit', '--configLoader', 'runner']
  const argv = ['sh', '-c', `cd '${root}' && exec "$0" "$@"`, process.execPath, vitest, ...flags]
  const env = { EXIT_WITH_NODE: '1', VITEST: '', VITEST_WORKER_ID: '', VITEST_POOL_ID: '', NODE_ENV: '', NO_COLOR: '1' }
  const worlds = [
    ...(why ? [] : users.map((uid) => ['namespaces', uid] as const)),
    ...users.filter((uid) => uid !== undefined).map((uid) => ['plain', uid] as const),
  ]

  const runs = inside.flatMap((file) => worlds.map(([mode, uid]) => [file, mode, uid] as const))
  it.skipIf(runs.length === 0).each(runs)(
    'passes %s: %s, user %s',
    async (file, mode, uid) => {
      const { child, output } = await start(mode, uid, [...argv, file], env)
      await until(() => child.exitCode !== null)
      if (child.exitCode !== 0) console.log(output())
      expect(child.exitCode).toBe(0)
      expect(output()).toMatch(/Tests +\d+ passed/)
    },
    120_000,
  )
})
