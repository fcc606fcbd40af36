/**
 * Folders of the host that containers may read although they lie below one that is closed to strangers: programs in the home of
 * root, when root started ebb. The closed folder itself stays closed; each of these is bound, read-only, at a place that
 * containers can reach, and from there to its own path in the container.
 */
import { accessSync, constants, mkdirSync, realpathSync, rmdirSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { runTool } from '../../../base/child.node.ts'
import type { MountRequest } from './container-files.node.ts'
import type { IdentityScope } from './identity.ts'
import type { Tools } from './tools.node.ts'

export class OpenFolders {
  private readonly directory: string
  private readonly tools: Tools
  private readonly many: boolean
  private readonly opened = new Map<string, Promise<MountRequest>>()

  /** `directory`: where folders are bound, in a mount namespace that is the node's own. `many` as in UserSpaces. */
  constructor(directory: string, tools: Tools, many: boolean) {
    this.directory = directory
    this.tools = tools
    this.many = many
  }

  /** Whether a container's users cannot enter a folder of the host. */
  isClosed(scope: IdentityScope, folder: string): boolean {
    try {
      if (!this.many) accessSync(folder, constants.X_OK)
      const { mode, uid } = statSync(folder)
      return this.many && (mode & 0o001) === 0 && !(scope === 'node' && uid === 0)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES'
    }
  }

  /** Mounts that show these folders to a container which could not reach them. Folders that are not there are left out. */
  async show(scope: IdentityScope, folders: readonly string[]): Promise<MountRequest[]> {
    if (!this.many) return []
    const found = folders.flatMap((folder) => this.belowClosed(scope, folder))
    return Promise.all([...new Set(found)].map((folder) => this.open(folder)))
  }

  /** The folders of PATH as they are to be shown: what lies below /root/.tools/bin needs all of /root/.tools. */
  programFolders(scope: IdentityScope, path: string): string[] {
    if (!this.many) return []
    return path.split(delimiter).flatMap((folder) => {
      const real = realOf(folder)
      const closed = real === undefined ? undefined : this.closedAbove(scope, real)
      if (real === undefined || closed === undefined) return []
      return [join(closed, real.slice(closed.length + 1).split('/')[0] as string)]
    })
  }

  async close(): Promise<void> {
    for (const mount of this.opened.values()) {
      const { source } = await mount
      await runTool(this.tools.umount, ['--lazy', source])
        .then(() => rmdirSync(source))
        .catch(() => {})
    }
  }

  private belowClosed(scope: IdentityScope, folder: string): string[] {
    const real = realOf(folder)
    return real !== undefined && this.closedAbove(scope, real) !== undefined ? [real] : []
  }

  private closedAbove(scope: IdentityScope, path: string): string | undefined {
    const names = dirname(path)
      .split('/')
      .filter((name) => name !== '')
    return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`).find((folder) => this.isClosed(scope, folder))
  }

  private open(folder: string): Promise<MountRequest> {
    const known = this.opened.get(folder)
    if (known) return known
    const source = join(this.directory, String(this.opened.size))
    const mount = (async () => {
      mkdirSync(source, { recursive: true, mode: 0o711 })
      await runTool(this.tools.mount, ['--bind', folder, source])
      await runTool(this.tools.mount, ['-o', 'remount,bind,ro', source])
      return { source, target: folder, readOnly: true }
    })()
    mount.catch(() => this.opened.delete(folder))
    this.opened.set(folder, mount)
    return mount
  }
}

function realOf(folder: string): string | undefined {
  try {
    return realpathSync(folder)
  } catch {
    return undefined
  }
}
