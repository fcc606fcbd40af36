/**
 * What an earlier node process left behind: records that can be read are taken over; what has none, or a broken one, nobody can
 * look after any more: its processes are ended, its files removed, and the log says so.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerRecord, Started } from './container.node.ts'
import { plainLeftovers } from './leftovers.node.ts'
import { isAlive, killAll, lookForArguments } from './proc.node.ts'
import { Sandbox, type SandboxRecord } from './sandbox.node.ts'
import { BrokenState, readState, shimOf } from './state-file.node.ts'

type Say = (text: string) => void

/** Sandboxes whose record is sound. `directory` is the node's, with a folder for each in `s`. Throws when the folders cannot be read just now. */
export async function soundSandboxes(directory: string, say: Say): Promise<Sandbox[]> {
  const sound: Sandbox[] = []
  for (const id of readdirSync(join(directory, 's'))) {
    const folder = join(directory, 's', id)
    const read = tryRead<SandboxRecord>(join(folder, 'sandbox.json'), ['id', 'config', 'ip', 'state'])
    if (typeof read === 'object') {
      sound.push(new Sandbox(folder, join(directory, 'fs', id), read))
      continue
    }
    // The first process of a shared PID namespace has the sandbox's id as its last argument.
    await killAll(() => lookForArguments(['pause', id]))
    rmSync(folder, { recursive: true, force: true })
    say(`a pod's sandbox is given up: ${read}`)
  }
  return sound
}

/** Containers whose record is sound and whose sandbox is there. */
export async function soundContainers(
  directory: string,
  sandboxes: { has(id: string): boolean },
  say: Say,
): Promise<ContainerRecord[]> {
  const sound: ContainerRecord[] = []
  for (const id of readdirSync(directory)) {
    const folder = join(directory, id)
    const read = tryRead<ContainerRecord>(join(folder, 'config.json'), ['id', 'sandboxId', 'config', 'form', 'logFile'])
    if (typeof read === 'object' && sandboxes.has(read.sandboxId)) {
      sound.push(read)
      continue
    }
    await endContainer(folder, id)
    rmSync(folder, { recursive: true, force: true })
    const why = typeof read === 'string' ? read : `its sandbox ${read.sandboxId} is gone`
    const name = typeof read === 'string' ? '' : ` ${read.config.name}`
    say(`the container${name} is given up, and what ran in it ended: ${why}`)
  }
  return sound
}

/** The record, or why there is none. */
function tryRead<T extends object>(path: string, needs: readonly (keyof T & string)[]): T | string {
  try {
    return readState<T>(path, needs) ?? `${path} is missing`
  } catch (error) {
    if (error instanceof BrokenState) return error.message
    throw error
  }
}

/** By what its folder still tells: the shim, whose end is that of a container with namespaces; the program; the mark. */
async function endContainer(folder: string, id: string): Promise<void> {
  const read = tryRead<Started>(join(folder, 'started.json'), ['pid', 'startTicks'])
  const program = typeof read === 'object' ? read : undefined
  // The shim last: while it lives nothing below it gets away.
  await killAll(() => plainLeftovers({ id, directory: folder, program }))
  const named = [shimOf(folder), program].filter((process) => process !== undefined)
  await killAll(() => ({
    pids: named.filter(({ pid, startTicks }) => isAlive(pid, startTicks)).map(({ pid }) => pid),
  }))
}
