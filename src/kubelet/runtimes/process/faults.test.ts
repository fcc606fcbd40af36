/** The runtime after kills and with damaged records: what can be known is known, what cannot is ended and said, the rest goes on. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Bench, lines, until } from './bench.node.ts'
import { bubblewrapTrouble } from './bubblewrap.node.ts'
import { CONTAINER_VARIABLE } from './leftovers.node.ts'
import { isAlive, lookForArguments, lookForMark, processStat, sendSignal } from './proc.node.ts'

const TRAP = "trap 'exit 5' TERM; echo up; while :; do sleep 3600 & wait $!; done"
const forms = (await bubblewrapTrouble()) ? (['plain'] as const) : (['bwrap', 'plain'] as const)

/** What a kill, a full disk or a stray hand leave of a file. */
const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  ['empty', (path) => writeFileSync(path, '')],
  ['cut off', (path) => writeFileSync(path, readFileSync(path, 'utf8').slice(0, 20))],
  ['not an object', (path) => writeFileSync(path, 'null')],
  ['without fields', (path) => writeFileSync(path, '{}')],
  ['bytes', (path) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0, 0x80]))],
  [
    'a folder',
    (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  ],
]

describe.each(forms)('process runtime after faults, %s', (form) => {
  let bench: Bench
  beforeEach(async () => {
    bench = new Bench(form)
    await bench.open()
  })
  afterEach(() => bench.close())

  const path = (...parts: string[]) => join(bench.world.directory, ...parts)
  const up = async () => {
    const container = await bench.run(['sh', '-c', TRAP])
    await until(() => lines(container.log).includes('stdout F up'))
    const { pid = 0 } = await bench.runtime.containerStatus(container.id)
    return { ...container, pid, startTicks: processStat(pid)?.startTicks ?? '' }
  }
  const stopped = async (id: string) => {
    await bench.runtime.stopContainer(id, 20_000)
    return (await bench.runtime.containerStatus(id)).exitCode
  }
  /** Processes that an escaping program has left; it gives them `mark` as an argument. */
  const escaped = (mark: string) => lookForArguments([mark]).pids
  const launcher = () => JSON.parse(readFileSync(path('launcher.json'), 'utf8')) as { pid: number; startTicks: string }

  it.each(DAMAGES)('ends a container whose record is %s, says so, and keeps the others', async (_name, damage) => {
    const broken = await up()
    const sound = await up()
    await bench.runtime.close()
    damage(path('c', broken.id, 'config.json'))
    await bench.open()
    expect((await bench.runtime.listContainers()).map(({ id }) => id)).toEqual([sound.id])
    expect(isAlive(broken.pid, broken.startTicks)).toBe(false)
    expect(lookForMark(`${CONTAINER_VARIABLE}=${broken.id}`).pids).toEqual([])
    expect(existsSync(path('c', broken.id))).toBe(false)
    expect(bench.said.join('\n')).toMatch(/is given up, and what ran in it ended: \S+config\.json/)
    expect(await stopped(sound.id)).toBe(5)
  })

  it.each(DAMAGES)('ends what ran in a sandbox whose record is %s', async (_name, damage) => {
    const broken = await up()
    const sound = await up()
    await bench.runtime.close()
    damage(path('s', broken.sandbox.id, 'sandbox.json'))
    await bench.open()
    expect((await bench.runtime.listSandboxes()).map(({ id }) => id)).toEqual([sound.sandbox.id])
    expect((await bench.runtime.listContainers()).map(({ id }) => id)).toEqual([sound.id])
    expect(isAlive(broken.pid, broken.startTicks)).toBe(false)
    expect(bench.said.join('\n')).toMatch(/sandbox is given up: \S+sandbox\.json/)
    expect(await stopped(sound.id)).toBe(5)
  })

  it.each(DAMAGES)('finds out what a container is about whose started.json is %s', async (_name, damage) => {
    const { id } = await up()
    await bench.runtime.close()
    damage(path('c', id, 'started.json'))
    await bench.open()
    expect((await bench.runtime.containerStatus(id)).state).toBe('running')
    expect(await stopped(id)).toBe(5)
  })

  it.each(DAMAGES)('starts one launcher, not a second, where launcher.json is %s', async (_name, damage) => {
    const first = launcher()
    await bench.runtime.close()
    damage(path('launcher.json'))
    rmSync(path('launcher.json'), { recursive: true, force: true })
    await bench.open()
    expect(isAlive(first.pid, first.startTicks)).toBe(false)
    expect(await stopped((await up()).id)).toBe(5)
  })

  it('ends what has cleared its environment and left the session, with its container', async () => {
    const mark = `escaped-${process.pid}-${form}`
    const sleeper = `/bin/sh -c "trap : TERM HUP INT; while :; do sleep 1; done" ${mark}`
    const away = `(setsid env -i /usr/bin/setsid ${sleeper} &) ; (setsid sh -c '(setsid env -i ${sleeper} &) &' &)`
    const { id, log } = await bench.run(['sh', '-c', `${away}; ${TRAP}`])
    await until(() => lines(log).includes('stdout F up'))
    await until(() => escaped(mark).length >= 2)
    await bench.runtime.stopContainer(id, 20_000)
    await until(() => escaped(mark).length === 0)
    expect((await bench.runtime.containerStatus(id)).exitCode).toBe(5)
  })

  it('ends it too when the record is broken and nobody knows the container any more', async () => {
    const mark = `lost-${process.pid}-${form}`
    const away = `(setsid env -i /usr/bin/setsid /bin/sh -c "while :; do sleep 1; done" ${mark} &)`
    const { id, log } = await bench.run(['sh', '-c', `${away}; ${TRAP}`])
    await until(() => lines(log).includes('stdout F up') && escaped(mark).length > 0)
    await bench.runtime.close()
    writeFileSync(path('c', id, 'config.json'), '')
    await bench.open()
    await until(() => escaped(mark).length === 0)
  })

  it('begins, after the launcher was killed, each start that it had not begun, and each once', async () => {
    const living = await up()
    const { pid } = launcher()
    sendSignal(pid, 'SIGSTOP')
    const sandbox = await bench.sandbox()
    const containers = await Promise.all([1, 2, 3].map(() => bench.create(sandbox.id, ['sh', '-c', 'echo once'])))
    const starts = containers.map(({ id }) => bench.runtime.startContainer(id))
    sendSignal(pid, 'SIGKILL')
    await Promise.all(starts)
    for (const { id, log } of containers) {
      await bench.exited(id)
      expect(lines(log)).toEqual(['stdout F once'])
    }
    expect(launcher().pid).not.toBe(pid)
    expect(await stopped(living.id)).toBe(5)
  })
})
