/** Starts that come to nothing, on real processes: whatever the programs in front of the container's say, its log stays empty. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerConfig } from '../runtime.ts'
import { Bench } from './process/bench.node.ts'
import { bubblewrapTrouble } from './process/bubblewrap.node.ts'

const trouble = await bubblewrapTrouble()
const RUNC =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: '

describe.skipIf(trouble !== undefined)(
  `starts that fail inside the container${trouble ? ` (skipped: bubblewrap ${trouble})` : ''}`,
  () => {
    let bench: Bench
    beforeEach(async () => {
      bench = new Bench('bwrap')
      await bench.open()
    })
    afterEach(() => bench.close())

    async function refused(command: string[], more: Partial<ContainerConfig> = {}) {
      const { id: sandbox } = await bench.sandbox()
      const { id, log } = await bench.create(sandbox, command, more)
      const error = (await bench.runtime.startContainer(id).catch((reason: unknown) => reason)) as Error
      const written = existsSync(log) ? readFileSync(log, 'utf8') : ''
      return { error, written, status: await bench.runtime.containerStatus(id) }
    }

    /** A program that the host has, and the container has not: below /tmp, which is its own. */
    function programOfTheHost(): string {
      const path = join(bench.directory, 'app')
      writeFileSync(path, '#!/bin/sh\necho up\n')
      chmodSync(path, 0o755)
      return path
    }

    it.each<[string, Partial<ContainerConfig>]>([
      ['as it is', {}],
      ['with a terminal', { tty: true }],
      ["with a variable whose name is no shell's", { env: [{ name: 'data-1', value: 'x' }] }],
      ['with arguments that look like the launcher', { args: ['setpriv', '--', 'env'] }],
    ])('a program that is not there, %s', async (_, more) => {
      const app = programOfTheHost()
      const { error, written, status } = await refused([app], more)
      expect(error).toMatchObject({
        code: 'start-failed',
        message: `${RUNC}exec: "${app}": stat ${app}: no such file or directory: unknown`,
      })
      expect(written).toBe('')
      expect(status).toMatchObject({ state: 'exited', exitCode: 128, reason: 'StartError', message: error.message })
      expect(bench.events.map((event) => event.type)).toEqual(['exited'])
    })

    it("a mount whose source is gone: the reason, without the node's paths", async () => {
      const mounts = [{ hostPath: join(bench.world.directory, 'none'), containerPath: '/data', readOnly: false }]
      const { error, written } = await refused(['true'], { mounts })
      expect(error).toMatchObject({ code: 'start-failed' })
      expect(error.message).not.toMatch(/bwrap|bubblewrap/)
      expect(error.message).not.toContain(bench.directory)
      expect(written).toBe('')
    })

    it('what a program says before its start is heard of is all in its log, in its order', async () => {
      const { id, log } = await bench.run(['sh', '-c', 'echo 1; echo 2; echo 3; exit 127'])
      await bench.exited(id)
      const texts = readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' ').slice(1).join(' '))
      expect(texts).toEqual(['stdout F 1', 'stdout F 2', 'stdout F 3'])
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ exitCode: 127, reason: 'Error' })
    })

    it("a program that says what a launcher would say of another one: it is the program's", async () => {
      const { id, log } = await bench.run(['sh', '-c', 'exec no-such-program'])
      await bench.exited(id)
      expect(readFileSync(log, 'utf8')).toContain('no-such-program: not found')
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ exitCode: 127, reason: 'Error' })
    })

    it('many that end at once have each begun, and ended as they did', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => bench.run(['sh', '-c', `exit ${i + 100}`])))
      await Promise.all(all.map(({ id }) => bench.exited(id)))
      const statuses = await Promise.all(all.map(({ id }) => bench.runtime.containerStatus(id)))
      expect(statuses.map((status) => status.exitCode)).toEqual(all.map((_, i) => i + 100))
      for (const { startedAtMs = 0, finishedAtMs = 0 } of statuses)
        expect(startedAtMs).toBeLessThanOrEqual(finishedAtMs)
    })
  },
)
