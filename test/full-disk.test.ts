/** A full disk under the data of a cluster: said, survived, and over as soon as there is room, without a new start. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../tools/golden/reference.mjs'
import { gone, processesWith } from './processes.ts'
import { Shell } from './shell.ts'

const SMALL = 'mkdir "$1" && mount -t tmpfs -o size=24m tmpfs "$1" && shift && exec "$@"'
const BALLAST_BYTES = 17 * 1024 * 1024

const can = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0
if (!can) console.log('skipped, a full disk: only root can mount a small one')

let folder: string
let child: ChildProcess
let shell: Shell
let output = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-full-'))
  if (!can) return
  const data = join(folder, 'data')
  const up = [
    process.execPath,
    join(root, 'dist/ebb.mjs'),
    'up',
    '--no-node',
    '--port',
    '0',
    '--data',
    join(data, 'ebb'),
  ]
  const kubeconfig = join(folder, 'kubeconfig')
  mkdirSync(join(folder, 'run'), { mode: 0o700 })
  const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run'), LANG: 'C' }
  child = spawn('unshare', ['-m', 'sh', '-c', SMALL, 'sh', data, ...up, '--kubeconfig', kubeconfig], { env })
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  await gone(() => (/KUBECONFIG=/.test(output) ? [] : [output]), 30)
  shell = new Shell(kubeconfig)
})
afterAll(async () => {
  shell?.close()
  child?.kill('SIGKILL')
  await gone(() => processesWith(folder))
  rmSync(folder, { recursive: true, force: true })
})

it.runIf(can)(
  'new objects wait for room; what is there is read, changed and deleted; /readyz tells the truth',
  async () => {
    // The small file system is in a mount namespace of its own, which is reached through the process in it.
    const ballast = `/proc/${child.pid}/root${folder}/data/ballast`
    const config = (name: string) => `kubectl create configmap ${name} --from-literal=a=b`
    await shell.ok(config('kept'))
    await shell.ok(config('goes'))
    writeFileSync(ballast, new Uint8Array(BALLAST_BYTES))
    const refused = await shell.run(config('new'))
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'error: failed to create configmap: etcdserver: mvcc: database space exceeded\n',
    })
    const ready = await shell.run("kubectl get --raw '/readyz?verbose'")
    expect(ready.all).toContain('[-]etcd-readiness failed: ')
    expect(ready.code).toBe(1)
    expect(await shell.ok("kubectl get --raw '/livez'")).toBe('ok')
    expect(await shell.ok('kubectl get configmap kept -o jsonpath={.data.a}')).toBe('b')
    await shell.ok('kubectl label configmap kept changed=yes')
    await shell.ok('kubectl delete configmap goes')
    expect(output).toMatch(/the disk of \S+ is full.*Nothing new is stored until there is room/)
    rmSync(ballast)
    await shell.ok(config('new'))
    expect(await shell.ok("kubectl get --raw '/readyz'")).toBe('ok')
    expect(await shell.ok('kubectl get configmap kept new -o name')).toBe('configmap/kept\nconfigmap/new\n')
    expect(output).toContain('there is room on the disk again')
    expect(output).not.toContain('    at ')
  },
)
