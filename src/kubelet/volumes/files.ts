/** What volumes need of the machine: `machine.node.ts`, or memory in simulations. All paths are absolute. */

/** One file of a volume that the kubelet writes. */
export interface VolumeFile {
  /** Inside of the volume; see `pathTrouble`. */
  readonly path: string
  readonly content: Uint8Array
  readonly mode: number
  /** The user whose file it is; absent: the kubelet's. */
  readonly owner?: number
}

/** A path of a volume that one container mounts. */
export interface SubPathRequest {
  /** The volume's own folder, or what it stands for (hostPath). */
  readonly volume: string
  /** Inside of it. Missing directories are made, with the mode of the volume. */
  readonly path: string
  /** Where a mount may be put that leads to it for certain; absent: this node makes no mounts. */
  readonly target: string | undefined
  /** The volume is a hostPath: it may be anything of the node. */
  readonly isHost: boolean
}

/** What a container's mount is made from. */
export interface MountSource {
  /** What the runtime binds. */
  readonly hostPath: string
  /** Where it really lies on the node, when `hostPath` is only a way to it. */
  readonly realPath?: string
}

/** Folders of one pod. `mounts`: where mounts are made for it, absent where none are; nothing below is ever removed recursively. */
export interface PodFolders {
  readonly own: string
  readonly mounts: string | undefined
}

export interface Files {
  /** Makes the directory if it is not there. `group`: it and what is made in it is this group's. */
  directory(path: string, options: { readonly mode: number; readonly group?: number }): Promise<void>
  /** The same in memory: a tmpfs of at most `bytes`. */
  memory(path: string, options: { readonly bytes?: number; readonly group?: number }): Promise<void>
  /**
   * Puts `files` in place of those that were published before, all in one instant, as Kubernetes' AtomicWriter does:
   * `name -> ..data/name`, `..data -> ..<time>`. Rejects for a path that is not inside, and follows no link.
   */
  publish(path: string, files: readonly VolumeFile[], options: { readonly group?: number }): Promise<void>
  /**
   * What a hostPath of this type promises; `''` promises nothing. Rejects in Kubernetes' words, and for ebb's own folders, which no
   * pod may see.
   */
  hostPath(path: string, type: string): Promise<void>
  /** Where a hostPath leads now. What is not there is made, as container runtimes do: an empty directory. */
  hostSource(path: string): Promise<MountSource>
  /** Rejects when the path leads out of the volume. */
  subPath(request: SubPathRequest): Promise<MountSource>
  /** The last bytes of a file, empty when there is none. */
  tail(path: string, bytes: number): Promise<Uint8Array>
  /** Takes the pod's mounts away, then its folders. Rejects, and removes nothing, while a mount is left. */
  remove(folders: PodFolders): Promise<void>
}

const PATH_LENGTH_MAX = 4096
const NAME_LENGTH_MAX = 255

/** Why a file of a volume cannot have this path, in the words of Kubernetes' AtomicWriter; undefined when it can. */
export function pathTrouble(path: string): string | undefined {
  if (path === '') return 'invalid path: must not be empty: ""'
  if (path.startsWith('/')) return `invalid path: must be relative path: ${path}`
  if (byteLength(path) > PATH_LENGTH_MAX)
    return `invalid path: must be less than or equal to ${PATH_LENGTH_MAX} characters`
  const names = path.split('/')
  if (names.includes('..')) return `invalid path: must not contain '..': ${path}`
  if (names.some((name) => byteLength(name) > NAME_LENGTH_MAX))
    return `invalid path: filenames must be less than or equal to ${NAME_LENGTH_MAX} characters`
  if (path.includes('\0')) return 'invalid path: must not contain NUL'
  const [first] = namesOf(path)
  if (first === undefined) return `invalid path: must name a file: ${path}`
  return first.startsWith('..') ? `invalid path: must not start with '..': ${path}` : undefined
}

/** `a//b/./c` -> a, b, c */
export function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length
