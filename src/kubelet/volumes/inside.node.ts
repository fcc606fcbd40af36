/**
 * Ways into a volume whose content its pods make: one name after the other, each opened below the one before without following
 * a link, so that nothing that a pod changes meanwhile leads anywhere else. Links are followed by hand, and only inside.
 *
 * A descriptor opened with O_PATH touches nothing: no FIFO waits for a writer, no device is started. `/proc/self/fd/N` leads
 * back to exactly what it stands for. Only Linux has both; elsewhere nothing is ever mounted into a pod.
 */

import { constants } from 'node:fs'
import { chmod, chown, type FileHandle, mkdir, open, readlink } from 'node:fs/promises'
import { namesOf } from './files.ts'

/** Of Linux; Node.js does not name it. */
const O_PATH = 0o10000000
/** As many as the kernel follows in one path. */
const LINKS_MAX = 40

/** Opens nothing but finds it. The handle is good for `fdPath`, `stat` and being passed to a child. */
export function pin(path: string): Promise<FileHandle> {
  return open(path, O_PATH | constants.O_NOFOLLOW)
}

/** A path by which the pinned thing itself is reached, wherever it is moved meanwhile. */
export const fdPath = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`

/** Where the pinned thing lies now. */
export const realPathOf = (handle: FileHandle): Promise<string> => readlink(fdPath(handle))

/**
 * Pins what lies at `path` inside of `root`; the caller closes it. Missing folders are made as open as the root, and its owner's. Rejects
 * when the way leads out of it, with a system error when it leads nowhere.
 */
export async function pinInside(root: string, path: string): Promise<FileHandle> {
  // The root itself may be a link: a hostPath is whatever the node's administrator made of it.
  const top = await open(root, O_PATH)
  const way = new Way(top)
  try {
    await way.walk(namesOf(path))
    return await way.finish()
  } finally {
    await way.close()
  }
}

/** The folders from the root to where the walk is. `..` steps back here, not in the file system. */
class Way {
  private readonly stack: FileHandle[]
  private links = 0
  private rootPath: string | undefined

  constructor(top: FileHandle) {
    this.stack = [top]
  }

  async walk(names: readonly string[]): Promise<void> {
    const left = [...names]
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === '..') {
        if (this.stack.length === 1) throw new Error('the path leads out of the volume')
        await this.stack.pop()?.close()
        continue
      }
      const next = await this.enter(name)
      const isLink = (await next.stat()).isSymbolicLink()
      if (!isLink) this.stack.push(next)
      else {
        await next.close()
        left.unshift(...(await this.follow(name)))
      }
    }
  }

  /** Hands over what the walk has led to. */
  async finish(): Promise<FileHandle> {
    return this.stack.pop() as FileHandle
  }

  async close(): Promise<void> {
    for (const handle of this.stack.splice(0)) await handle.close()
  }

  private get here(): string {
    return fdPath(this.stack.at(-1) as FileHandle)
  }

  private async enter(name: string): Promise<FileHandle> {
    const path = `${this.here}/${name}`
    try {
      return await pin(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const { mode, uid, gid } = await (this.stack[0] as FileHandle).stat()
    await mkdir(path).catch(unlessExists)
    const made = await pin(path)
    // A link that came in between stays what it is.
    if (!(await made.stat()).isDirectory()) return made
    await chown(fdPath(made), uid, gid).catch(unlessForbidden)
    await chmod(fdPath(made), mode & 0o2777)
    return made
  }

  /** The names that a link in the present folder stands for. An absolute one counts if it names the volume's own path. */
  private async follow(name: string): Promise<string[]> {
    if (++this.links > LINKS_MAX) throw new Error('too many levels of symbolic links')
    const target = await readlink(`${this.here}/${name}`)
    if (!target.startsWith('/')) return namesOf(target)
    this.rootPath ??= await realPathOf(this.stack[0] as FileHandle)
    if (target !== this.rootPath && !target.startsWith(`${this.rootPath}/`))
      throw new Error('a link leads out of the volume')
    for (const handle of this.stack.splice(1)) await handle.close()
    return namesOf(target.slice(this.rootPath.length))
  }
}

/** Where a user has a single id for all. */
function unlessForbidden(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EINVAL') throw error
}

function unlessExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
