/**
 * The node's own programs, by absolute path: what a pod says of PATH is for the pod's program, and must never reach what runs
 * outside its sandbox.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter } from 'node:path'

const NAMES = [
  'bwrap',
  'env',
  'mount',
  'nsenter',
  'rm',
  'script',
  'setpriv',
  'setsid',
  'sh',
  'sleep',
  'umount',
  'unshare',
] as const

export type Tool = (typeof NAMES)[number]

export type Tools = Readonly<Record<Tool, string>>

/** Looks each tool up once in `path`. One that is missing stays its name: starting it fails and says so. */
export function findTools(path = process.env.PATH ?? ''): Tools {
  const all = [...path.split(delimiter), '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  const folders = new Set(all.filter((folder) => folder.startsWith('/')))
  return Object.fromEntries(NAMES.map((name) => [name, find(folders, name) ?? name])) as Tools
}

/** Some two hundred questions at each start: without join(), and without an exception for each folder that lacks it. */
function find(folders: Iterable<string>, name: string): string | undefined {
  for (const folder of folders) {
    const file = folder.endsWith('/') ? folder + name : `${folder}/${name}`
    if (isExecutable(file)) return file
  }
  return undefined
}

function isExecutable(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
