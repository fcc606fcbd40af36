/**
 * What the runtime does without room on the disk, or without descriptors: run by shortage.test.ts in a process of its own, whose
 * temporary folder is a small file system, or whose descriptors are few. Writes what came about as one line of JSON.
 *
 *   shortage-driver disk|descriptors
 */
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Bench, lines, until } from './bench.node.ts'

const TRAP = "trap 'exit 5' TERM; echo up; while :; do sleep 3600 & wait $!; done"
const wordsOf = (error: unknown) => (error as Error).message

const bench = new Bench('plain')
try {
  await bench.open()
  const outcome = process.argv[2] === 'disk' ? await withoutRoom() : await withoutDescriptors()
  writeSync(1, `${JSON.stringify(outcome)}\n`)
} finally {
  await bench.close()
}

async function withoutRoom() {
  const { runtime } = bench
  const { id, log, sandbox } = await bench.run(['sh', '-c', TRAP])
  await until(() => lines(log).includes('stdout F up'))
  const left = await bench.run(['sh', '-c', TRAP])
  const ballast = fill(join(bench.directory, 'ballast'))
  const create = await bench.create(sandbox.id, ['true']).catch(wordsOf)
  const run = await bench.sandbox().catch(wordsOf)
  await runtime.stopContainer(id, 20_000)
  const { exitCode } = await runtime.containerStatus(id)
  await runtime.stopSandbox(sandbox.id)
  // The next node process finds the one that is left, also while there is no room.
  await runtime.close()
  await bench.open()
  const adopted = (await bench.runtime.containerStatus(left.id)).state
  await bench.runtime.stopContainer(left.id, 20_000)
  const ended = join(bench.world.directory, 'c', left.id, 'ended.json')
  const unwritten = !existsSync(ended)
  rmSync(ballast)
  await until(() => existsSync(ended))
  const again = await bench.run(['sh', '-c', 'exit 3'])
  await bench.exited(again.id)
  const after = (await bench.runtime.containerStatus(again.id)).exitCode
  return { create, run, exitCode, adopted, unwritten, after, folders: (await bench.runtime.listContainers()).length }
}

async function withoutDescriptors() {
  const { runtime } = bench
  const { id, log } = await bench.run(['sh', '-c', TRAP])
  await until(() => lines(log).includes('stdout F up'))
  const taken = takeAll()
  // It has looked and could not see.
  await until(() => bench.said.some((line) => line.includes('EMFILE')))
  const { state } = await runtime.containerStatus(id)
  const exec = await runtime.execSync(id, ['true'], 10_000).catch(wordsOf)
  const stream = await runtime.exec(id, ['true'], { tty: false, stdin: true }).catch(wordsOf)
  // One is enough to read what a command is, none for its streams.
  closeSync(taken.pop() as number)
  const few = await runtime.exec(id, ['true'], { tty: false, stdin: true }).catch(wordsOf)
  const run = await bench.run(['true']).catch(wordsOf)
  for (const descriptor of taken) closeSync(descriptor)
  const again = (await runtime.execSync(id, ['sh', '-c', 'exit 3'], 10_000)).exitCode
  await runtime.stopContainer(id, 20_000)
  return { exec, stream, few, run, again, state, exitCode: (await runtime.containerStatus(id)).exitCode }
}

/** Writes until nothing more can be written. */
function fill(path: string): string {
  const file = openSync(path, 'w')
  for (const size of [4096, 1]) {
    const bytes = new Uint8Array(size)
    try {
      for (;;) writeSync(file, bytes)
    } catch {
      // Full.
    }
  }
  closeSync(file)
  return path
}

function takeAll(): number[] {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    return taken
  }
}
