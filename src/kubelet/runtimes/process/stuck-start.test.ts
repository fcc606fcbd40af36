/** Containers that do not come to their program: whatever holds them up, they can be ended, and hold up nobody else. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Bench } from './bench.node.ts'
import { bubblewrapTrouble } from './bubblewrap.node.ts'
import { processTree, sendSignal } from './proc.node.ts'
import { shimOf } from './state-file.node.ts'

const trouble = await bubblewrapTrouble()
if (trouble) console.log(`skipped, stuck starts with bubblewrap: bubblewrap ${trouble}`)

let bench: Bench
afterEach(() => bench.close())

describe.each(trouble ? (['plain'] as const) : (['bwrap', 'plain'] as const))('a container, %s', (form) => {
  it.each(['LD_PRELOAD', 'LD_AUDIT'])('whose loader waits for ever for %s runs, and is killed', async (name) => {
    bench = new Bench(form)
    await bench.open()
    const fifo = join(bench.directory, 'fifo')
    spawnSync('mkfifo', ['-m', '666', fifo])
    const mounts = form === 'bwrap' ? [{ hostPath: fifo, containerPath: fifo, readOnly: true }] : []
    const { id } = await bench.run(['sleep', '3600'], { mounts, env: [{ name, value: fifo }] })
    expect((await bench.runtime.containerStatus(id)).state).toBe('running')
    await bench.runtime.stopContainer(id, 50)
    expect((await bench.runtime.containerStatus(id)).exitCode).toBe(137)
  })

  it('whose start stands still ends with its pod, and says that it never ran', async () => {
    bench = new Bench(form)
    await bench.open()
    const sandbox = await bench.sandbox()
    const { id } = await bench.create(sandbox.id, ['sleep', '3600'])
    let over = false
    const start = bench.runtime.startContainer(id).then(
      () => 'started',
      (error: Error) => error.message,
    )
    void start.then(() => {
      over = true
    })
    // The shim itself stays, as it would if something below it hung.
    const directory = join(bench.world.directory, 'c', id)
    const below = () => processTree(shimOf(directory)?.pid ?? -1).slice(1)
    while (!over && below().length === 0) await new Promise((resolve) => setImmediate(resolve))
    for (const pid of below()) sendSignal(pid, 'SIGSTOP')
    expect((await bench.runtime.containerStatus(id)).state).toBe('created')
    await bench.runtime.stopSandbox(sandbox.id)
    expect(await start).toMatch(/^failed to create containerd task: .*the program could not be started/)
    expect(await bench.runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 128,
      reason: 'StartError',
    })
  })
})

describe.skipIf(trouble)('a container of a thousand levels or mounts', () => {
  const levels = '/x'.repeat(1000)
  const many = Array.from({ length: 3000 }, (_, i) => `/a${i}/b`)
  it.each([
    ['its working directory', { workingDir: levels }, [], 'deeper than 64 folders'],
    ['its last words', { terminationMessagePath: levels }, [], 'deeper than 64 folders'],
    ['a mount', {}, [levels], 'deeper than 64 folders'],
    ['its mounts', {}, many, 'more than 1500 mounts'],
  ])('is refused before it costs anything: %s', async (_, more, targets, why) => {
    bench = new Bench('bwrap')
    await bench.open()
    const { id: sandbox } = await bench.sandbox()
    const mounts = targets.map((containerPath) => ({ hostPath: bench.directory, containerPath, readOnly: true }))
    const { id } = await bench.create(sandbox, ['true'], { ...more, mounts })
    const message = expect.stringContaining(why)
    await expect(bench.runtime.startContainer(id)).rejects.toMatchObject({ code: 'start-failed', message })
  })
})
