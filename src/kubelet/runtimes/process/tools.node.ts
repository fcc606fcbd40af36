/**
 * The node's own programs, by absolute path: what a pod says of PATH is for the pod's program, and must never reach what runs
 * outside its sandbox.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = [
  'bwrap',
  'env',
  'mount',
  'nice',
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
  const folders = [...path.split(delimiter), '/usr/sbin', '/usr/bin', '/sbin', '/bin'].filter((folder) =>
    folder.startsWith('/'),
  )
  const find = (name: string) => folders.map((folder) => join(folder, name)).find(isExecutable) ?? name
  return Object.fromEntries(NAMES.map((name) => [name, find(name)])) as Tools
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
