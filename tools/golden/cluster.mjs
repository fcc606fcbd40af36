/** A fresh ebb for recordings and tests: `ebb up` on a free port with its data in memory, and its end, whatever happens. */
import { spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './reference.mjs'

const READY_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 20_000

/**
 * Resolves to { url, token, kubeconfig, pid, output(), stop() }. `args`: more arguments for `ebb up`; `data`: its data
 * folder instead of memory; `as`: run as this user (`{ uid, gid }`) instead of the present one; `through`: words in front of
 * the command, which execute what follows them.
 */
export async function startCluster({ args = [], token = 'admin-token', env = {}, data, as, through = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-test-'))
  const kubeconfig = join(folder, 'kubeconfig')
  if (as) chownSync(folder, as.uid, as.gid)
  const keep = data === undefined ? ['--ephemeral'] : ['--data', data]
  const command = ['up', ...keep, '--port', '0', '--token', token, '--kubeconfig', kubeconfig, ...args]
  const [program, ...words] = [...through, process.execPath, join(root, 'dist/ebb.mjs'), ...command]
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(as ? { uid: as.uid, gid: as.gid } : {}),
  })
  let output = ''
  const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)))
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`ebb was not ready within ${READY_WITHIN_MS} ms:\n${output}`)),
      READY_WITHIN_MS,
    )
    const read = (chunk) => {
      output += chunk
      const match = /https:\/\/127\.0\.0\.1:\d+/.exec(output)
      if (match && output.includes('KUBECONFIG=')) {
        clearTimeout(timer)
        resolve(match[0])
      }
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    void exited.then((code) => {
      clearTimeout(timer)
      reject(new Error(`ebb up ended (${code}) before it was ready:\n${output}`))
    })
  }).catch((error) => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw error
  })
  // Whoever is broken off runs no hooks.
  const kill = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', kill)
  return {
    url,
    token,
    kubeconfig,
    folder,
    pid: child.pid,
    output: () => output,
    exited,
    /** Ends it as Ctrl-C does; resolves to the exit code. */
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGINT'), STOP_WITHIN_MS)
      const code = await exited
      clearTimeout(timer)
      process.off('exit', kill)
      rmSync(folder, { recursive: true, force: true })
      return code
    },
  }
}
