/** `npm run golden -- api [--only X] [--ignore a,b] [--verbose] [--server URL]`: recorded API answers against a fresh ebb. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { absent, reference } from './reference.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const TOKEN = 'admin-token'

export async function main(args) {
  const replay = reference('golden', 'api', 'replay.mjs')
  if (!replay) throw new Error(absent('golden/api'))
  const at = args.indexOf('--server')
  if (at >= 0) return run(replay, args[at + 1], args.toSpliced(at, 2))
  const server = await startApiServer()
  try {
    return await run(replay, server.url, args)
  } finally {
    await server.stop()
  }
}

function run(replay, url, args) {
  const child = spawn(process.execPath, [replay, '--server', url, '--token', TOKEN, ...args], { stdio: 'inherit' })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

/** Resolves to { url, pid, stop() }. `execArgv`: for profiling. */
export async function startApiServer({ execArgv = [], port = 0 } = {}) {
  const folder = mkdtempSync(join(here, '../../node_modules/.ebb-golden-'))
  try {
    return await start(await bundled(folder), execArgv, port)
  } finally {
    // Loaded whole by now, or never.
    rmSync(folder, { recursive: true, force: true })
  }
}

async function bundled(folder) {
  const bundle = join(folder, 'server.mjs')
  await build({
    entryPoints: [join(here, 'api-server.ts')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  })
  return bundle
}

async function start(bundle, execArgv, port) {
  const child = spawn(process.execPath, [...execArgv, bundle, TOKEN, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: tmpdir(),
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const url = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => resolve(text.trim()))
    void exited.then((code) => reject(new Error(`the server ended (${code}) before it was ready`)))
  })
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM')
      await exited
      process.off('exit', kill)
    },
  }
}
