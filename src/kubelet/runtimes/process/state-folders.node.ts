/**
 * Folders of the host that programs keep their own state in, and that hold nothing for a container to read: each container gets
 * an empty one of the same shape, as an image would have it. So a server that wants /var/log/nginx and /var/lib/nginx finds them
 * and may write, and nothing of it reaches the host.
 */
import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Always the container's own: what is in them is of no use to another. */
const OWN = ['/var/cache', '/var/log']
/** Below these, what holds no file: only such a folder is waiting to be filled. */
const BELOW = ['/var/lib', '/var/spool']
/** How many levels of folders are made again, and looked at for files. */
const LEVELS = 2

export interface StateFolder {
  readonly path: string
  /** Folders to be made in it, relative, parents first. */
  readonly folders: readonly string[]
}

let found: readonly StateFolder[] | undefined

/** Looked for once: some 5 ms on a machine with many packages. */
export function stateFolders(): readonly StateFolder[] {
  found ??= [
    ...OWN.filter((path) => entriesOf(path) !== undefined).map((path) => ({ path, folders: foldersIn(path) })),
    ...BELOW.flatMap((parent) =>
      (entriesOf(parent) ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => join(parent, name)),
    )
      .filter((path) => !holdsFiles(path, LEVELS))
      .map((path) => ({ path, folders: foldersIn(path) })),
  ]
  return found
}

function foldersIn(path: string, levels = LEVELS): string[] {
  if (levels === 0) return []
  return (entriesOf(path) ?? [])
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [name, ...foldersIn(join(path, name), levels - 1).map((below) => join(name, below))])
}

/** What cannot be read counts as held: it stays as it is. */
function holdsFiles(path: string, levels: number): boolean {
  const entries = entriesOf(path)
  if (!entries) return levels === LEVELS
  return entries.some((entry) => !entry.isDirectory() || (levels > 1 && holdsFiles(join(path, entry.name), levels - 1)))
}

function entriesOf(path: string): Dirent[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch {
    return undefined
  }
}
