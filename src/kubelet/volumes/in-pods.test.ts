/**
 * Volumes as programs in real containers see them, made and mounted as the kubelet does it. Runs in the world it finds: on this
 * machine without mounts, or, when started by main/fabric.test.ts, inside a fabric's namespaces, as root or an ordinary user.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Container, Pod, Volume, VolumeMount } from '../../api/types/core-v1.gen.ts'
import { systemClock } from '../../base/clock.node.ts'
import { Bench, inherited, lines, until } from '../runtimes/process/bench.node.ts'
import { bubblewrapTrouble } from '../runtimes/process/bubblewrap.node.ts'
import { findTools } from '../runtimes/process/tools.node.ts'
import { PodVolumes } from '../volumes.ts'
import { machineFiles } from './machine.node.ts'
import { mountsBelow } from './mounts.node.ts'
import { FACTS, podWith, TestSources } from './test-sources.ts'

const trouble = await bubblewrapTrouble(findTools())
if (trouble) console.log(`skipped, volumes in pods: bubblewrap ${trouble}`)
const hasMounts = inherited?.mode === 'namespaces'
/** What a node of this fabric would use; in memory, gone with it. */
const mountTop = `/run/ebb-volumes-test-${process.pid}`

describe.skipIf(trouble !== undefined)(
  `volumes in pods, ${inherited?.mode ?? 'plain'}, uid ${process.getuid?.()}`,
  () => {
    let bench: Bench
    let sources: TestSources
    let top: string
    beforeEach(async () => {
      bench = new Bench('bwrap')
      await bench.open()
      top = bench.directory
      sources = new TestSources()
      sources.addConfig('cm', { level: 'info', motd: 'hello' })
    })
    afterEach(async () => {
      await volumes().tearDown()
      await bench.close()
      expect(await mountsBelow(mountTop)).toEqual([])
      if (existsSync(mountTop)) rmdirSync(mountTop)
    })

    /** As a node process makes it that knows nothing of the one before. */
    const volumes = (userNamespace: 'pod' | 'node' = 'pod') =>
      new PodVolumes(
        { own: `${top}/pod`, mounts: hasMounts ? `${mountTop}/u-1` : undefined },
        { files: filesOf(userNamespace), sources, clock: systemClock, failed: () => {} },
      )
    const filesOf = (userNamespace: 'pod' | 'node') => machineFiles((id) => bench.runtime.hostId(userNamespace, id))
    const podOf = (volume: Omit<Volume, 'name'>) => podWith([{ name: 'v', ...volume }])
    const mount = (more: Partial<VolumeMount> = {}): VolumeMount => ({ name: 'v', mountPath: '/v', ...more })

    /** Runs a script with the pod's volume where `mount` says; resolves to the lines that it wrote. */
    async function run(pod: Pod, at: VolumeMount, script: string, env = new Map<string, string>()): Promise<string[]> {
      const userNamespace = pod.spec.volumes?.some(({ hostPath }) => hostPath) ? 'node' : 'pod'
      const made = volumes(userNamespace)
      expect(await made.setUp(pod, FACTS)).toBeUndefined()
      const container: Container = { name: 'app', volumeMounts: [at] }
      const mounts = await made.mounts(pod, container, env)
      const { id, log } = await bench.run(['sh', '-c', `exec 2>&1; ${script}`], { mounts }, { userNamespace })
      await bench.exited(id)
      return lines(log).map((line) => line.split(' ').slice(2).join(' '))
    }

    const refused = 'failed to prepare subPath for volumeMount "v" of container "app"'

    describe('subPath', () => {
      it('[VO4] that is not there is made, as open as the volume', async () => {
        const seen = await run(
          podOf({ emptyDir: {} }),
          mount({ subPath: 'pg/main' }),
          'stat -c %a /v; echo x >/v/file && cat /v/file',
        )
        expect(seen).toEqual(['777', 'x'])
        expect(readFileSync(`${top}/pod/volumes/v/pg/main/file`, 'utf8')).toBe('x\n')
      })

      it('leads to a file, in any script and up to 255 bytes long', async () => {
        const pod = podOf({ emptyDir: {} })
        await run(pod, mount(), `echo 하나 >/v/한글; echo long >/v/${'a'.repeat(255)}`)
        expect(await run(pod, mount({ subPath: '한글', mountPath: '/tmp/f' }), 'cat /tmp/f')).toEqual(['하나'])
        expect(await run(pod, mount({ subPath: 'a'.repeat(255), mountPath: '/tmp/f' }), 'cat /tmp/f')).toEqual(['long'])
        await expect(run(pod, mount({ subPath: 'a'.repeat(256) }), 'true')).rejects.toThrow(refused)
      })

      it.each([
        ['a link to the root', 'ln -s / /v/evil', 'evil'],
        ['a path through a link to the root', 'ln -s / /v/evil', 'evil/etc'],
        ['a folder to be made behind one', 'ln -s / /v/evil', 'evil/tmp/made-by-ebb'],
        ['a link upwards', 'ln -s ../.. /v/evil', 'evil'],
        ['a link upwards from below', 'mkdir -p /v/a/b; ln -s ../../../x /v/a/b/evil', 'a/b/evil'],
        ['a link to a link', 'ln -s / /v/x; ln -s x /v/evil', 'evil'],
        ['a link to itself', 'ln -s evil /v/evil', 'evil'],
        ['a link to nowhere outside', 'ln -s /no/such/place /v/evil', 'evil'],
        ['a file on the way', 'echo >/v/evil', 'evil/x'],
        ['a FIFO on the way', 'mkfifo /v/evil', 'evil/x'],
      ])('refuses %s', async (_, script, subPath) => {
        const pod = podOf({ emptyDir: {} })
        await run(pod, mount(), script)
        await expect(run(pod, mount({ subPath }), 'true')).rejects.toThrow(refused)
        expect(existsSync('/tmp/made-by-ebb')).toBe(false)
        expect(await mountsBelow(mountTop)).toEqual([])
      })

      it('follows links that stay inside, and finds a FIFO without waiting for it', async () => {
        const pod = podOf({ emptyDir: {} })
        const script =
          'mkdir -p /v/a/b; echo 1 >/v/a/one; ln -s a/b/.. /v/in; ln -s ../in/one /v/a/again; mkfifo /v/fifo'
        await run(pod, mount(), script)
        expect(await run(pod, mount({ subPath: 'in' }), 'ls /v')).toEqual(['again', 'b', 'one'])
        expect(await run(pod, mount({ subPath: 'in/again', mountPath: '/tmp/f' }), 'cat /tmp/f')).toEqual(['1'])
        const fifo = await run(pod, mount({ subPath: 'fifo', mountPath: '/tmp/f' }), 'stat -c %F /tmp/f')
        expect(fifo).toEqual(['fifo'])
      })

      it('of variables is checked after they are put in', async () => {
        const pod = podOf({ emptyDir: {} })
        const at = mount({ subPathExpr: '$(X)/$(Y)' })
        const tried = (x: string, y: string) => run(pod, at, 'echo ok', new Map(Object.entries({ X: x, Y: y })))
        await expect(tried('..', '..')).rejects.toThrow("unable to provision SubPath `../..`: must not contain '..'")
        await expect(tried('/tmp', 'x')).rejects.toThrow('error SubPath `/tmp/x` must not be an absolute path')
        await expect(tried('', 'x')).rejects.toThrow('missing value for X')
        expect(await tried('a', 'b c')).toEqual(['ok'])
        expect(readdirSync(`${top}/pod/volumes/v/a`)).toEqual(['b c'])
      })

      it('[VO5] mounted is the one that was checked, however often a pod changes it meanwhile', async () => {
        const outside = `${top}/outside`
        mkdirSync(outside)
        writeFileSync(`${outside}/secret`, '')
        const volume = `${top}/pod/volumes/v`
        mkdirSync(`${volume}/real`, { recursive: true })
        symlinkSync(outside, `${volume}/link`)
        const flips = 'while :; do ln -s real x; rm -rf x; ln -s link x; rm -rf x; mkdir x; rm -rf x; done'
        const attacker = spawn('sh', ['-c', flips], { cwd: volume, stdio: 'ignore' })
        try {
          const target = hasMounts ? `${mountTop}/u-1/subpaths/v/app/0` : undefined
          for (let i = 0; i < 60; i++) {
            const found = await filesOf('node')
              .subPath({ volume, path: 'x', target, isHost: false })
              .catch(() => undefined)
            // Without mounts what is found can still be exchanged before the runtime binds it: only its path is known.
            if (found && hasMounts) expect(readdirSync(found.hostPath)).not.toContain('secret')
            if (found) expect(found.realPath ?? found.hostPath).toMatch(new RegExp(`^${volume}/(x|real)`))
          }
        } finally {
          attacker.kill('SIGKILL')
        }
      })

      it('[VO6] in a hostPath leaves the host as it was when the pod ends, also when the node process was another', async () => {
        mkdirSync(`${top}/host/data`, { recursive: true })
        writeFileSync(`${top}/host/data/precious`, 'mine')
        const pod = podOf({ hostPath: { path: `${top}/host` } })
        expect(await run(pod, mount({ subPath: 'data' }), 'cat /v/precious')).toEqual(['mine'])
        if (hasMounts) expect(await mountsBelow(mountTop)).toHaveLength(1)
        await volumes().tearDown()
        expect(await mountsBelow(mountTop)).toEqual([])
        expect(existsSync(`${top}/pod`)).toBe(false)
        expect(readFileSync(`${top}/host/data/precious`, 'utf8')).toBe('mine')
      })
    })

    it('[VO2] can be read and not written where the kubelet writes them', async () => {
      const script = 'cat /v/level; echo; touch /v/x; echo no >/v/level; rm -f /v/level; cat /v/level'
      for (const volume of [
        { configMap: { name: 'cm' } },
        { projected: { sources: [{ configMap: { name: 'cm' } }] } },
      ] satisfies Omit<Volume, 'name'>[]) {
        const seen = await run(podOf(volume), mount({ readOnly: false }), script)
        expect(seen.filter((line) => line.includes('Read-only file system'))).toHaveLength(3)
        expect([seen[0], seen.at(-1)]).toEqual(['info', 'info'])
      }
    })

    it('[VO3] show changes of what they are made from, but for those mounted by a subPath', async () => {
      const pod = podOf({ configMap: { name: 'cm' } })
      const made = volumes()
      await made.setUp(pod, FACTS)
      const volumeMounts = [mount(), mount({ subPath: 'level', mountPath: '/tmp/level' })]
      const mounts = await made.mounts(pod, { name: 'app', volumeMounts }, new Map())
      const script = 'echo up; until grep -q debug /v/level; do sleep 0.05; done; cat /tmp/level; echo; exec sleep 600'
      const { id, log } = await bench.run(['sh', '-c', script], { mounts }, { userNamespace: 'pod' })
      sources.addConfig('cm', { level: 'debug' })
      await made.refresh(pod, FACTS)
      await until(() => lines(log).length > 1)
      expect(lines(log)).toEqual(['stdout F up', 'stdout F info'])
      // Without mounts a command would be given the path of what is gone.
      if (!hasMounts) return
      const { stdout } = await bench.runtime.execSync(id, ['cat', '/v/level', '/tmp/level'], 10_000)
      expect(stdout).toBe('debuginfo')
    })

    it.skipIf(!hasMounts)(
      '[VO8] of medium Memory are in memory, open to all, and no larger than they may be',
      async () => {
        const script =
          'stat -f -c %T /v; stat -c %a /v; head -c 3000000 /dev/zero >/v/x; stat -c %s /v/x | sed s/2097152/2Mi/'
        const seen = await run(podOf({ emptyDir: { medium: 'Memory', sizeLimit: '2Mi' } }), mount(), script)
        expect(seen).toEqual(['tmpfs', '777', expect.stringContaining('No space left on device'), '2Mi'])
      },
    )

    it('[VO9] of the host are made by the runtime when nothing says what they are', async () => {
      const path = join(top, 'made', 'deep')
      chmodSync(top, 0o777)
      expect(await run(podOf({ hostPath: { path } }), mount(), 'echo hi >/v/f; cat /v/f')).toEqual(['hi'])
      expect(readFileSync(`${path}/f`, 'utf8')).toBe('hi\n')
    })
  },
)
