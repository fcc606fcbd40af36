/** Programs that only the container has: in its volumes, or written by itself. Nothing of them is on the host. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Bench, lines, until } from './bench.node.ts'
import { bubblewrapTrouble } from './bubblewrap.node.ts'

const trouble = await bubblewrapTrouble()
if (trouble) console.log(`skipped, programs of a container's own: bubblewrap ${trouble}`)

let bench: Bench
let mounts: { hostPath: string; containerPath: string; readOnly: boolean }[]
beforeEach(async () => {
  bench = new Bench('bwrap')
  await bench.open()
  const source = join(bench.directory, 'volume')
  mkdirSync(source)
  const script = (name: string, text: string) => {
    writeFileSync(join(source, name), text)
    chmodSync(join(source, name), 0o755)
  }
  script('hello', '#!/bin/sh\necho "hello $1"; exec sleep 3600\n')
  script('by', '#!/ebb-scripts/interpreter\n')
  script('interpreter', '#!/bin/sh\necho interpreted\n')
  script('text', 'nothing that can be executed')
  writeFileSync(join(source, 'plain'), '')
  symlinkSync('/ebb-scripts/hello', join(source, 'link'))
  symlinkSync('/root/../etc/../ebb-scripts/link', join(source, 'far'))
  symlinkSync('loop', join(source, 'loop'))
  mounts = [{ hostPath: source, containerPath: '/ebb-scripts', readOnly: false }]
})
afterEach(() => bench.close())

describe.skipIf(trouble)('a container runs', () => {
  it.each([
    ['a file of its volume', ['/ebb-scripts/hello', 'there'], {}],
    ['one by a link', ['/ebb-scripts/link', 'there'], {}],
    ['one by its name, from a PATH in its volume', ['hello', 'there'], { env: 'PATH' }],
    ['one in its working directory', ['./hello', 'there'], { workingDir: '/ebb-scripts' }],
  ])('%s', async (_, command, { env, workingDir = '' }: { env?: string; workingDir?: string }) => {
    const { log } = await bench.run(command, {
      mounts,
      workingDir,
      env: env === undefined ? [] : [{ name: env, value: '/nowhere:/ebb-scripts:/usr/bin:/bin' }],
    })
    await until(() => lines(log).length > 0)
    expect(lines(log)).toEqual(['stdout F hello there'])
  })

  it.each([
    ['missing', 'stat /ebb-scripts/missing: no such file or directory'],
    ['plain', 'permission denied'],
    ['text', 'exec format error'],
  ])('nothing where its volume holds none, and says why: %s', async (name, why) => {
    const sandbox = await bench.sandbox()
    const { id, log } = await bench.create(sandbox.id, [`/ebb-scripts/${name}`], { mounts })
    await expect(bench.runtime.startContainer(id)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining(`exec: "/ebb-scripts/${name}": ${why}`),
    })
    expect(lines(log)).toEqual([])
  })
})

describe.skipIf(trouble)('a command in the container', () => {
  const write = 'mkdir /tmp/own && cp /ebb-scripts/interpreter /tmp/own/ && echo up && exec sleep 3600'

  it('may be a file of its volume, or one that it wrote itself', async () => {
    const { id, log } = await bench.run(['sh', '-c', write], { mounts })
    await until(() => lines(log).includes('stdout F up'))
    for (const command of ['/ebb-scripts/by', '/ebb-scripts/interpreter', '/tmp/own/interpreter'])
      expect(await bench.runtime.execSync(id, [command], 10_000)).toMatchObject({
        exitCode: 0,
        stdout: 'interpreted\n',
      })
    const session = await bench.runtime.exec(id, ['/ebb-scripts/far', 'you'], { tty: false, stdin: false })
    for await (const bytes of session.stdout) {
      expect(Buffer.from(bytes).toString()).toBe('hello you\n')
      session.kill()
    }
  })

  it.each([
    ['/ebb-scripts/missing', 'stat /ebb-scripts/missing: no such file or directory'],
    ['/ebb-scripts/plain', 'permission denied'],
    ['/ebb-scripts', 'is a directory'],
    ['/ebb-scripts/loop', 'too many levels of symbolic links'],
    ['/ebb-scripts/text', 'exec format error'],
    ['nowhere', 'executable file not found in $PATH'],
    // Hidden by the container's own, whatever the host has there.
    ['/tmp', 'is a directory'],
  ])('is refused where it cannot be executed: %s', async (command, why) => {
    const { id, log } = await bench.run(['sh', '-c', write], { mounts })
    await until(() => lines(log).includes('stdout F up'))
    const message = expect.stringContaining(`exec: ${JSON.stringify(command)}: ${why}`)
    for (const run of [
      bench.runtime.execSync(id, [command], 10_000),
      bench.runtime.exec(id, [command], { tty: true, stdin: false }),
    ])
      await expect(run).rejects.toMatchObject({ code: 'start-failed', message })
  })
})
