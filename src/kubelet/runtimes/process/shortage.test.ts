/** The runtime without room on the disk, and without descriptors: pods go on, end as they should, and begin again afterwards. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** Bytes of the small file system: a few containers' worth. */
const ROOM = '256k'
/** Descriptors that a node process needs, and some. */
const DESCRIPTORS = 96

let folder: string
let driver: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-shortage-'))
  driver = join(folder, 'driver.mjs')
  const entry = fileURLToPath(new URL('./shortage-driver.node.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: driver,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
const canMount = spawnSync('unshare', [...user, '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
if (!canMount) console.log('skipped, the runtime on a full disk: no file system can be mounted here')

function outcome(command: string, args: readonly string[], what: string) {
  const ran = spawnSync(command, [...args, process.execPath, driver, what], { encoding: 'utf8' })
  return JSON.parse(ran.stdout || JSON.stringify({ failed: ran.stderr }))
}

it.runIf(canMount)('without room containers are stopped and adopted; new ones wait until there is some', () => {
  const script = 'mount -t tmpfs -o size=$1 tmpfs "$2" && shift && TMPDIR=$1 && export TMPDIR && shift && exec "$@"'
  const small = mkdtempSync(join(folder, 'small-'))
  const args = [...user, '--mount', 'sh', '-c', script, 'sh', ROOM, small]
  expect(outcome('unshare', args, 'disk')).toEqual({
    create: expect.stringMatching(/^failed to create containerd container: ENOSPC/),
    run: expect.stringMatching(/^ENOSPC/),
    exitCode: 5,
    adopted: 'running',
    unwritten: true,
    after: 3,
    folders: 3,
  })
})

it('without descriptors a container that cannot be looked at is not taken for dead', () => {
  const args = ['-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh']
  expect(outcome('sh', args, 'descriptors')).toEqual({
    state: 'running',
    ...Object.fromEntries(['exec', 'stream', 'few', 'run'].map((what) => [what, expect.stringMatching(/EMFILE/)])),
    again: 3,
    exitCode: 5,
  })
})
