/**
 * Every process of ebb is killed, and stopped, while pods come and go: ebb recovers, or ends wholly and says why; `ebb down`
 * always ends it; nothing is left behind.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { whyNoNamespaces } from '../src/main/fabric.node.ts'
import { ApiConnection } from '../tools/golden/api-connection.mjs'
import { root } from '../tools/golden/reference.mjs'
import { gone, processesWith } from './processes.ts'

const EBB = join(root, 'dist/ebb.mjs')
const TOKEN = 'kills'
/** Kills of one kind of process, one after the other. The warm nft comes back when rules change in a way that a cold one did not see to. */
const killsOf = (kind: string) => (kind === 'warm nft' ? 1 : 3)

interface Ebb {
  readonly pid: number
  readonly api: ApiConnection
  readonly output: () => string
  readonly exited: Promise<number | string>
}

let folder: string
let env: Record<string, string | undefined>
let ebb: Ebb
let child: ChildProcess | undefined
let churning: { stop(): Promise<void> } | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-kills-'))
  env = { ...process.env, XDG_RUNTIME_DIR: folder, LANG: 'C', KUBECONFIG: '' }
})
afterEach(async () => {
  ebb?.api.close()
  child?.kill('SIGKILL')
  await churning?.stop()
  await gone(() => processesWith(folder))
  rmSync(folder, { recursive: true, force: true })
})

/** Hides the program `ip` from it in a mount namespace of its own: without it pods are plain processes. */
const HIDE_IP = 'mount --bind /dev/null "$(readlink -f "$(PATH=$PATH:/usr/sbin:/sbin command -v ip)")" && exec "$@"'

async function start(mode: string): Promise<Ebb> {
  const up = [process.execPath, EBB, 'up', '--ephemeral', '--port', '0', '--token', TOKEN]
  const words = mode === 'plain' ? ['unshare', '-m', 'sh', '-c', HIDE_IP, 'sh', ...up] : up
  const started = spawn(words[0] as string, words.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  child = started
  let output = ''
  for (const stream of [started.stdout, started.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const exited = new Promise<number | string>((resolve) =>
    started.on('exit', (code, signal) => resolve(code ?? signal ?? '')),
  )
  await gone(() => (/KUBECONFIG=/.test(output) || started.exitCode !== null ? [] : [output]), 30)
  const server = /https:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
  if (server === undefined) throw new Error(output)
  const api = new ApiConnection({ server, token: TOKEN })
  return { pid: started.pid as number, api, output: () => output, exited }
}

interface Process {
  readonly pid: number
  readonly words: string
  readonly leads: boolean
}

/** Everything below `pid`, and what was below it and has lost its parent: all carry the run folder's name or are below it. */
function processes(): Process[] {
  const below = (pid: number): number[] => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      return [pid, ...(text === '' ? [] : text.split(' ').map(Number).flatMap(below))]
    } catch {
      return [pid]
    }
  }
  return [...new Set([ebb.pid, ...processesWith(folder).map(Number)].flatMap(below))].flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return [{ pid, words, leads: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]) === pid }]
    } catch {
      return []
    }
  })
}

const KINDS: Readonly<Record<string, (process: Process) => boolean>> = {
  'control plane': ({ pid }) => pid === ebb.pid,
  'holder of the fabric': ({ words }) => /^unshare .*ebb-fabric\.sh/.test(words),
  'PID 1 of the fabric, or its reader': ({ words }) => /^\/bin\/sh \S*ebb-fabric\.sh/.test(words),
  watchdog: ({ words }) => /^\/bin\/sh \S*ebb-watchdog\.sh/.test(words),
  'node process': ({ words }) => /^\S*node .*\/node\.mjs/.test(words),
  'nsenter above the node process': ({ words }) => /^nsenter .*\/node\.mjs/.test(words),
  launcher: ({ words, leads }) => leads && /ebb-launcher\.sh/.test(words),
  shim: ({ words, leads }) => !leads && /^\/bin\/sh \S*(ebb-launcher\.sh|ebb-shim)/.test(words),
  bubblewrap: ({ words }) => /^\S*bwrap /.test(words),
  'holder of a user namespace': ({ words }) => /^\S*sleep infinity/.test(words),
  'warm ip': ({ words }) => /^ip -oneline/.test(words),
  'warm nft': ({ words }) => /^nft /.test(words),
}

const find = (kind: string) => processes().filter(KINDS[kind] as (process: Process) => boolean)

const LIVES = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
/** What leaves the session and clears its environment, and is known by nothing but the name of the test's folder. */
const escapes = () => `(setsid env -i /usr/bin/setsid /bin/sh -c 'while :; do sleep 1; done' ${folder} &)`

const pod = (name: string, command = LIVES) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'app', image: 'x', command: ['sh', '-c', command] }],
  },
})
const PODS = '/api/v1/namespaces/default/pods'
const isReady = async (name: string) => {
  const { body } = await ebb.api.request('GET', `${PODS}/${name}`)
  const { conditions = [] } = (body as { status?: { conditions?: { type: string; status: string }[] } }).status ?? {}
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** Resolves when `look` says true. */
async function until(what: string, look: () => Promise<boolean>, seconds = 40): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!(await look().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}\n${ebb.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Pods that come and go until `stop`, which resolves when no request is under way any more. */
function churn(): { stop(): Promise<void> } {
  let going = true
  const loop = async (lane: number) => {
    for (let turn = 0; going; turn++) {
      const name = `churn-${lane}-${turn}`
      await ebb.api.request('POST', PODS, pod(name)).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 300))
      await ebb.api.request('DELETE', `${PODS}/${name}`).catch(() => {})
    }
  }
  const lanes = Promise.all([1, 2, 3].map(loop))
  return {
    async stop() {
      going = false
      await lanes
    },
  }
}

/** Kills some process of the kind as soon as there is one, while its work goes on. */
async function killOne(kind: string): Promise<void> {
  // Rules change: what changes them is needed.
  const port = await ebb.api.request('POST', '/api/v1/namespaces/default/services', {
    metadata: { generateName: 'rules-' },
    spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
  })
  expect(port.status).toBe(201)
  await until(`a ${kind} to kill`, async () => {
    const victims = find(kind)
    const victim = victims[Math.floor(Math.random() * victims.length)]
    return victim !== undefined && process.kill(victim.pid, 'SIGKILL')
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
}

async function comesAndGoes(name: string): Promise<void> {
  await ebb.api.request('POST', PODS, pod(name))
  await until('a new pod is ready', () => isReady(name))
  await ebb.api.request('DELETE', `${PODS}/${name}`)
  await until('it is gone', async () => (await ebb.api.request('GET', `${PODS}/${name}`)).status === 404)
}

async function names(): Promise<(string | undefined)[]> {
  const { body } = await ebb.api.request('GET', PODS)
  return (body as { items: { metadata: { name?: string } }[] }).items.map(({ metadata }) => metadata.name)
}

async function down(): Promise<{ readonly code: number | null; readonly out: string }> {
  const command = spawn(process.execPath, [EBB, 'down'], { env })
  let out = ''
  for (const stream of [command.stdout, command.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
  const code = await new Promise<number | null>((resolve) => command.on('close', resolve))
  return { code, out }
}

async function nothingIsLeft(): Promise<void> {
  await gone(() => processesWith(folder))
  await gone(() => (existsSync(join(folder, 'ebb')) ? readdirSync(join(folder, 'ebb')) : []))
}

async function begin(mode: string): Promise<void> {
  ebb = await start(mode)
  await until('the default service account', async () => {
    const { status } = await ebb.api.request('GET', '/api/v1/namespaces/default/serviceaccounts/default')
    return status === 200
  })
  await ebb.api.request('POST', PODS, pod('stays', `${escapes()}; ${LIVES}`))
  await until('the first pod is ready', () => isReady('stays'))
}

const why = whyNoNamespaces()
if (why) console.log(`skipped, kills in a fabric with namespaces: ${why}`)
const canHide = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0
if (!canHide) console.log('skipped, kills without namespaces: only root can hide the program ip')
const modes = [...(why ? [] : ['namespaces']), ...(canHide ? ['plain'] : [])]
const shared = ['control plane', 'node process', 'launcher', 'shim']
const inNamespaces = [
  'holder of the fabric',
  'PID 1 of the fabric, or its reader',
  'nsenter above the node process',
  'bubblewrap',
  'holder of a user namespace',
  'warm ip',
  'warm nft',
]
const kindsOf = (mode: string) => [...shared, ...(mode === 'plain' ? ['watchdog'] : inNamespaces)]
const ENDS_ALL = ['control plane', 'holder of the fabric', 'PID 1 of the fabric, or its reader', 'watchdog']

describe.each(modes)('kill -9 under churn, %s', (mode) => {
  const recovering = kindsOf(mode).filter((kind) => !ENDS_ALL.includes(kind))
  it('of what it recovers from: pods come and go again, and nothing is left', async () => {
    await begin(mode)
    for (const kind of recovering) {
      churning = churn()
      for (let kill = 0; kill < killsOf(kind); kill++) await killOne(kind)
      await churning.stop()
      await comesAndGoes(`after-${recovering.indexOf(kind)}`)
    }
    await until('what came and went is gone', async () => (await names()).join() === 'stays')
    await until('the pod that stays is ready', () => isReady('stays'))
    expect(await down()).toMatchObject({ code: 0, out: expect.stringContaining('has ended') })
    await nothingIsLeft()
  })

  it.each(kindsOf(mode).filter((kind) => ENDS_ALL.includes(kind)))('of the %s: all of it ends', async (kind) => {
    await begin(mode)
    churning = churn()
    process.kill(find(kind)[0]?.pid as number, 'SIGKILL')
    expect(await ebb.exited).toBe(kind === 'control plane' ? 'SIGKILL' : 1)
    if (kind !== 'control plane') expect(ebb.output()).toContain('ebb ends too')
    await churning.stop()
    await nothingIsLeft()
    expect((await down()).out).toContain('no ebb runs here')
  })
})

describe.each(modes)('stopped processes, %s', (mode) => {
  it.each(kindsOf(mode))('ebb down ends although each %s stands stopped', async (kind) => {
    await begin(mode)
    for (const { pid } of find(kind)) process.kill(pid, 'SIGSTOP')
    expect(await down()).toMatchObject({ code: 0, out: expect.stringContaining('has ended') })
    await nothingIsLeft()
  })
})

it.skipIf(why !== undefined)(
  'a node process that was stopped and continued is seen to end, and comes back',
  async () => {
    await begin('namespaces')
    const [{ pid: node = 0 } = {}] = find('node process')
    const [{ pid: entrance = 0 } = {}] = find('nsenter above the node process')
    const state = (pid: number) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    process.kill(node, 'SIGSTOP')
    await until('nsenter stops itself', async () => state(entrance) === 'T')
    process.kill(node, 'SIGCONT')
    await until('nsenter goes on', async () => state(entrance) !== 'T')
    process.kill(node, 'SIGKILL')
    await until('another node process', async () => find('node process').some(({ pid }) => pid !== node))
    await ebb.api.request('POST', PODS, pod('after'))
    await until('a new pod is ready', () => isReady('after'))
    expect((await down()).code).toBe(0)
    await nothingIsLeft()
  },
)
