/**
 * What a container sees as its files: the host's, since the program is the user's own, but
 * - `/usr /etc /bin /lib* /sbin /boot` cannot be written to; elsewhere the user's rights decide, as for any of his programs;
 * - `/tmp`, `/run`, `/dev`, `/proc` are its own and vanish with it;
 * - `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf` are the pod's; volumes lie where the pod wants them.
 *
 * The root is a tmpfs that the host's top-level folders are bound into, so that a mount point like `/data` can be made without
 * touching the host. A mount point deeper down that the host lacks (`/etc/app`) is made by rebuilding its parent: a tmpfs into
 * which each entry of the real one is bound.
 */
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Folders that are never the host's. */
const OWN = new Set(['/proc', '/dev', '/sys', '/run', '/tmp'])
const READ_ONLY = /^\/(usr|etc|boot|bin|sbin|lib[^/]*)(\/|$)/
/** Entries of a folder that is rebuilt for a mount point inside it; a larger one is refused. */
const REBUILD_ENTRIES_MAX = 1000

export interface MountRequest {
  readonly source: string
  /** Path in the container. */
  readonly target: string
  readonly readOnly: boolean
}

/** bubblewrap's arguments for the files of a container. `folders` must exist in it (the working directory). */
export function rootArguments(mounts: readonly MountRequest[], folders: readonly string[]): string[] {
  const args = baseArguments()
  const rebuilt = new Set<string>()
  for (const mount of [...mounts].sort((a, b) => a.target.length - b.target.length)) {
    const target = resolveOnHost(mount.target)
    args.push(...rebuild(target, rebuilt), mount.readOnly ? '--ro-bind' : '--bind', mount.source, target)
  }
  for (const folder of folders) {
    const target = resolveOnHost(folder)
    const mounted = mounts.some((mount) => target === mount.target || target.startsWith(`${mount.target}/`))
    if (target !== '/' && !mounted && !existsInContainer(target))
      args.push(...rebuild(target, rebuilt), '--dir', target)
  }
  return args
}

/** Binds a folder of the host at its own path where the container would not see it otherwise (below /tmp or /run). */
export function hiddenFolder(folder: string): MountRequest[] {
  const real = realpathSync(folder)
  return isOwn(real) ? [{ source: real, target: real, readOnly: false }] : []
}

function isOwn(path: string): boolean {
  return OWN.has(`/${path.split('/')[1] ?? ''}`)
}

let base: string[] | undefined

function baseArguments(): string[] {
  base ??= [
    ...readdirSync('/')
      .sort()
      .flatMap((name) => (isOwn(`/${name}`) ? [] : entry(`/${name}`))),
    ...['--proc', '/proc', '--dev', '/dev', '--ro-bind', '/sys', '/sys'],
    ...['--perms', '1777', '--tmpfs', '/tmp', '--tmpfs', '/run', '--dir', '/run/lock'],
  ]
  return [...base]
}

function entry(path: string): string[] {
  try {
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) return ['--symlink', readlinkSync(path), path]
    if (!stat.isDirectory() && !stat.isFile()) return []
    return [READ_ONLY.test(path) ? '--ro-bind' : '--bind', path, path]
  } catch {
    return []
  }
}

/** What must be rebuilt so that a mount point at `target` can be made; nothing when the host has it or a tmpfs is above it. */
function rebuild(target: string, rebuilt: Set<string>): string[] {
  if (existsInContainer(target) || isOwn(target)) return []
  let parent = dirname(target)
  while (!existsSync(parent)) parent = dirname(parent)
  if (parent === '/' || rebuilt.has(parent) || statSync(parent).isFile()) return []
  rebuilt.add(parent)
  const names = readdirSync(parent)
  if (names.length > REBUILD_ENTRIES_MAX)
    throw new Error(`cannot make ${target}: ${parent} has more than ${REBUILD_ENTRIES_MAX} entries`)
  return ['--tmpfs', parent, ...names.flatMap((name) => entry(join(parent, name)))]
}

function existsInContainer(target: string): boolean {
  return !isOwn(target) && existsSync(target)
}

/** `path` with the symbolic links of the host's part of it resolved, so that nothing is made through a link. */
function resolveOnHost(path: string): string {
  let head = join('/', path)
  let tail = ''
  while (head !== '/') {
    try {
      return join(realpathSync(head), tail)
    } catch {
      const at = head.lastIndexOf('/')
      tail = join(head.slice(at + 1), tail)
      head = head.slice(0, at) || '/'
    }
  }
  return join('/', tail)
}
