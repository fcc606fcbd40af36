/**
 * What a container sees as its files, as bubblewrap's arguments: the host's, read-only, since the program is the user's own; a
 * root, `/tmp`, `/run` and the folders of /var that programs write to of its own, which vanish with it; `/dev`, `/proc`; the pod's volumes where the pod wants them.
 *
 * The arguments are used once to start the program and again for every command in the container (exec, hooks, probes): each gets
 * a view of its own on the same folders. So a command has the program's own rights from its first instruction on, and no tool of
 * the node is ever looked for among files that the pod controls.
 *
 * That is why everything that is writable is a real folder (`Scratch`), and why each folder on the way to a mount point, where
 * the pod could write, is a mount point itself: the kernel lets nobody move a mount point away, and so a pod cannot put a link
 * in its place that would lead bubblewrap out of the container the next time.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { stateFolders } from './state-folders.node.ts'

/** Folders of the root that are never the host's. */
const OWN = new Set(['/proc', '/dev', '/sys', '/run', '/tmp'])
/** Entries of a folder that is rebuilt for a mount point inside it; a larger one is refused. */
const REBUILD_ENTRIES_MAX = 1000
/**
 * How deep a mount point or working directory may lie, and how many mounts a container may have, the folders on the way to them
 * counted; more is refused. What bubblewrap needs for one grows with those before it: five hundred levels took it twenty seconds.
 */
const DEPTH_MAX = 64
const MOUNTS_MAX = 1500
/**
 * Kernel interfaces that tell of the host or steer it: empty or unreadable in every container.
 * Source: the OCI runtime defaults of containerd (masked and read-only paths).
 */
const MASKED_FILES = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/kmsg',
  '/proc/sysrq-trigger',
  '/proc/interrupts',
]
const MASKED_FOLDERS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
  '/sys/kernel/debug',
  '/sys/kernel/tracing',
  '/sys/kernel/security',
  '/sys/fs/bpf',
]
const READ_ONLY_KERNEL = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys']

export interface MountRequest {
  readonly source: string
  /** Path in the container. */
  readonly target: string
  readonly readOnly: boolean
  /** Where the source really lies on the host, when it is only a way to it. */
  readonly realPath?: string
}

export interface FilesRequest {
  readonly scratch: Scratch
  /** Folder of the whole pod for /dev/shm. */
  readonly shm: string
  readonly mounts: readonly MountRequest[]
  /** Must exist in the container: its working directory. */
  readonly folders: readonly string[]
  /** Folders of the host that no container may see into: ebb's own. */
  readonly covered: readonly string[]
  readonly readOnlyRoot: boolean
  /** Whether the container's users cannot enter this folder of the host although the node can. */
  readonly isClosed: (folder: string) => boolean
}

/** The folders that hold what one container writes outside of volumes. */
export class Scratch {
  private readonly directory: string
  private readonly owner: number
  private count = 0

  /** `owner`: the host's id of the container's root. */
  constructor(directory: string, owner: number) {
    this.directory = directory
    this.owner = owner
    mkdirSync(directory, { recursive: true, mode: 0o711 })
  }

  folder(mode = 0o755): string {
    return this.own(join(this.directory, String(this.count++)), mode)
  }

  own(folder: string, mode = 0o755): string {
    mkdirSync(folder, { recursive: true })
    this.give(folder, mode)
    return folder
  }

  /** Makes a file or folder the container's root's. */
  give(path: string, mode: number): void {
    chmodSync(path, mode)
    if (process.getuid?.() === 0) chownSync(path, this.owner, this.owner)
  }
}

/** bubblewrap's arguments for the files of a container. Throws an Error, in plain words, when a mount point cannot be made. */
export function fileArguments(request: FilesRequest): string[] {
  const view = new View(request)
  view.base()
  for (const folder of request.covered) view.cover(folder)
  for (const mount of [...request.mounts].sort((a, b) => a.target.length - b.target.length)) view.mount(mount)
  for (const folder of request.folders) view.folder(folder)
  if (request.readOnlyRoot) view.lock()
  return view.args
}

/** Folders below /tmp or /run, which a container does not see of the host, bound at their own path. */
export function hiddenFolder(folder: string): MountRequest[] {
  const real = realpathSync(folder)
  return OWN.has(topOf(real)) || real.startsWith('/var/tmp/') ? [{ source: real, target: real, readOnly: true }] : []
}

/** What lies at a mount point: the host's folder of the same path, a folder of the container, or a volume. */
type Point = { readonly kind: 'host' } | { readonly kind: 'own' } | { readonly kind: 'volume'; readonly source: string }

class View {
  readonly args: string[] = []
  private readonly request: FilesRequest
  private readonly points = new Map<string, Point>()
  /** Points of kind `own` that become read-only with the root. */
  private readonly writable: string[] = []

  constructor(request: FilesRequest) {
    this.request = request
  }

  base(): void {
    const { scratch, shm } = this.request
    const root = scratch.folder()
    this.bindOwn(root, '/')
    for (const name of readdirSync('/').sort()) this.entry('/', name, root)
    for (const [name, mode] of [
      ['tmp', 0o1777],
      ['run', 0o755],
      ['run/lock', 0o1777],
    ] as const)
      scratch.own(join(root, name), mode)
    this.args.push('--proc', '/proc', '--dev', '/dev', '--bind', shm, '/dev/shm', '--ro-bind', '/sys', '/sys')
    for (const path of ['/proc', '/dev', '/sys', '/dev/shm']) this.put(path, { kind: 'own' })
    this.mask()
    if (isFolder('/var/tmp')) this.bindOwn(scratch.folder(0o1777), '/var/tmp')
    for (const { path, folders } of stateFolders()) {
      const own = scratch.folder()
      for (const folder of folders) scratch.own(join(own, folder))
      this.bindOwn(own, path)
    }
  }

  /** Hides a folder of the host where the container would see it. */
  cover(folder: string): void {
    const path = realOrSame(folder)
    if (this.nearest(path).point.kind !== 'host' || !isFolder(path) || this.closedAbove(path)) return
    this.args.push('--ro-bind', this.empty(), path)
    this.put(path, { kind: 'volume', source: this.empty() })
  }

  mount({ source, target, readOnly, realPath }: MountRequest): void {
    const path = this.resolved(target)
    if (path === '/') throw new Error('nothing can be mounted at /')
    this.place(path)
    this.args.push(readOnly ? '--ro-bind' : '--bind', source, path)
    this.put(path, { kind: 'volume', source })
    // A folder of the host that holds one of ebb's own shows all but that.
    const real = realPath ?? realOrSame(source)
    for (const folder of this.request.covered) {
      const inside = realOrSame(folder)
      if (inside.startsWith(real === '/' ? '/' : `${real}/`) && isFolder(inside))
        this.args.push('--ro-bind', this.empty(), join(path, inside.slice(real.length)))
    }
  }

  folder(target: string): void {
    const path = this.resolved(target)
    const { at, point } = this.nearest(path)
    if (at === path || (point.kind === 'host' && isFolder(path))) return
    this.place(path)
    if (this.nearest(path).point.kind === 'own') this.bindOwn(this.request.scratch.folder(), path)
    else this.args.push('--dir', path)
  }

  /** The root and all that belongs to it become read-only; volumes, /dev and /proc stay as they are. */
  lock(): void {
    for (const path of [...this.writable].reverse()) this.args.push('--remount-ro', path)
  }

  private emptyFolder: string | undefined
  private empty(): string {
    this.emptyFolder ??= this.request.scratch.folder()
    return this.emptyFolder
  }

  private mask(): void {
    for (const path of READ_ONLY_KERNEL) this.args.push('--ro-bind-try', path, path)
    // A device on a mount without devices: nobody can open it.
    for (const path of MASKED_FILES) if (exists(path)) this.args.push('--ro-bind', '/dev/null', path)
    for (const path of MASKED_FOLDERS) if (isFolder(path)) this.args.push('--ro-bind', this.empty(), path)
  }

  private put(path: string, point: Point): void {
    if (this.points.size >= MOUNTS_MAX) throw new Error(`the container needs more than ${MOUNTS_MAX} mounts`)
    this.points.set(path, point)
  }

  private bindOwn(source: string, path: string): void {
    this.args.push('--bind', source, path)
    this.put(path, { kind: 'own' })
    this.writable.push(path)
  }

  /** One entry of a folder of the host, in a folder of the container that stands in for it. */
  private entry(folder: string, name: string, standIn: string): void {
    const path = join(folder, name)
    const stat = statOf(path)
    if (OWN.has(path)) this.request.scratch.own(join(standIn, name))
    else if (stat?.isSymbolicLink()) symlinkSync(readlinkSync(path), join(standIn, name))
    else if (stat?.isDirectory() && this.request.isClosed(path)) this.request.scratch.own(join(standIn, name), 0o700)
    else if (stat?.isDirectory() || stat?.isFile()) {
      this.args.push('--ro-bind-try', path, path)
      this.put(path, { kind: 'host' })
    }
  }

  /** Makes the way to `path`, so that bubblewrap can mount there without following anything that a pod has made. */
  private place(path: string): void {
    let { at, point } = this.nearest(dirname(path))
    while (point.kind === 'host') {
      const closed = this.closedAbove(path)
      if (closed === undefined && exists(path)) return
      if (closed === undefined) this.rebuild(deepestFolder(dirname(path)))
      else this.bindOwn(this.request.scratch.folder(), closed)
      ;({ at, point } = this.nearest(dirname(path)))
    }
    if (point.kind === 'own') this.ownFolders(at, dirname(path))
    else refuseLinks(point.source, path.slice(at.length + 1))
  }

  private ownFolders(from: string, to: string): void {
    const names = to
      .slice(from.length)
      .split('/')
      .filter((name) => name !== '')
    let path = from
    for (const name of names) {
      path = join(path, name)
      this.bindOwn(this.request.scratch.folder(), path)
    }
  }

  /** A folder of the host in which something must be made: a folder of the container that shows each entry of the real one. */
  private rebuild(folder: string): void {
    const names = readdirSync(folder)
    if (names.length > REBUILD_ENTRIES_MAX)
      throw new Error(`cannot make a mount point in ${folder}: it has more than ${REBUILD_ENTRIES_MAX} entries`)
    const standIn = this.request.scratch.folder()
    this.bindOwn(standIn, folder)
    for (const name of names) this.entry(folder, name, standIn)
  }

  private nearest(path: string): { at: string; point: Point } {
    for (let at = path; ; at = dirname(at)) {
      const point = this.points.get(at)
      if (point) return { at, point }
    }
  }

  /** The first folder above `path` that the host has and the container's users cannot enter. */
  private closedAbove(path: string): string | undefined {
    const names = dirname(path).split('/').slice(1)
    const folders = names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)
    return folders.find((folder) => this.points.get(folder)?.kind !== 'own' && this.request.isClosed(folder))
  }

  /** `path` with the links of the host's part of it resolved: nothing is made through one. */
  private resolved(path: string): string {
    let head = join('/', path)
    if (head.split('/').length > DEPTH_MAX)
      throw new Error(`a path in the container is deeper than ${DEPTH_MAX} folders`)
    let tail = ''
    while (head !== '/') {
      if (!OWN.has(topOf(head)))
        try {
          return trimmed(join(realpathSync(head), tail))
        } catch {
          // Not there: the folder above is asked.
        }
      tail = join(head.slice(head.lastIndexOf('/') + 1), tail)
      head = dirname(head)
    }
    return trimmed(join('/', tail))
  }
}

/** Refuses a mount point inside a volume whose way leads through a link, or is no folder: it could lead anywhere. */
function refuseLinks(source: string, way: string): void {
  let path = source
  for (const name of way.split('/')) {
    path = join(path, name)
    const stat = statOf(path)
    if (!stat) return
    if (stat.isSymbolicLink()) throw new Error(`the mount point ${way} lies in a volume and leads through a link`)
  }
}

function deepestFolder(path: string): string {
  return isFolder(path) ? path : deepestFolder(dirname(path))
}

function topOf(path: string): string {
  return `/${path.split('/')[1] ?? ''}`
}

function trimmed(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function statOf(path: string) {
  return lstatSync(path, { throwIfNoEntry: false })
}

function exists(path: string): boolean {
  try {
    return statOf(path) !== undefined
  } catch {
    return false
  }
}

function isFolder(path: string): boolean {
  try {
    return statOf(path)?.isDirectory() === true
  } catch {
    return false
  }
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
