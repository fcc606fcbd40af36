/**
 * Writes the files of a volume so that readers see all of the old ones or all of the new ones, in the layout of Kubernetes'
 * AtomicWriter, which programs that watch their configuration know:
 *
 *   level -> ..data/level        ..data -> ..2030_01_02_03_04_05.Zk3xQ1        ..2030_01_02_03_04_05.Zk3xQ1/level
 *
 * The folder is pinned for the time of the writing, every file is made anew in a folder made anew, and nothing that is there
 * is opened for writing: there is no link to follow.
 */

import { constants } from 'node:fs'
import {
  chmod,
  lchown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
} from 'node:fs/promises'
import { namesOf, pathTrouble, type VolumeFile } from './files.ts'

const DATA = '..data'
const DIRECTORY_MODE = 0o755
/** What a group may do with what is its own here: read, enter, and hand the group on to what is made inside. */
const GROUP_FILE_BITS = 0o440
const GROUP_DIRECTORY_BITS = 0o2550

interface Entry extends VolumeFile {
  readonly names: readonly string[]
}

/** Whose a file or folder is to be, as ids of the pod; absent: its root's. */
export interface Owner {
  readonly user?: number
  readonly group?: number
}

/** Gives what was made for a pod to its owner. False where the kernel has no such user or group for us. */
export type Give = (path: string, owner: Owner) => Promise<boolean>

export async function publish(job: {
  directory: string
  files: readonly VolumeFile[]
  group: number | undefined
  give: Give
}): Promise<void> {
  const { directory, files, group, give } = job
  const entries = entriesOf(files)
  const base = await open(directory, constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    await publishIn(process.platform === 'linux' ? `/proc/self/fd/${base.fd}` : directory, entries, { group, give })
  } finally {
    await base.close()
  }
}

/** By their path, the last one of a path. Throws for the first whose path is none. */
function entriesOf(files: readonly VolumeFile[]): Entry[] {
  const entries = new Map<string, Entry>()
  for (const file of files) {
    const trouble = pathTrouble(file.path)
    if (trouble) throw new Error(trouble)
    const names = namesOf(file.path)
    entries.set(names.join('/'), { ...file, names })
  }
  return [...entries.values()]
}

interface Ownership {
  readonly group: number | undefined
  readonly give: Give
}

async function publishIn(base: string, entries: readonly Entry[], ownership: Ownership): Promise<void> {
  const before = await present(base)
  if (before && (await isSame(`${base}/${before}`, entries))) return
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, '_')
  const made = await mkdtemp(`${base}/..${stamp}.`)
  const name = made.slice(base.length + 1)
  try {
    await claimDirectory(made, ownership)
    for (const entry of entries) await writeEntry(made, entry, ownership)
    const tops = new Set(entries.map(({ names }) => names[0] as string))
    for (const top of tops) await showTop(base, top)
    await rm(`${base}/${DATA}_tmp`, { force: true })
    await symlink(name, `${base}/${DATA}_tmp`)
    await rename(`${base}/${DATA}_tmp`, `${base}/${DATA}`)
    await hideOthers(base, tops)
  } catch (error) {
    if ((await present(base)) !== name) await rm(made, { recursive: true, force: true })
    throw error
  }
  await removeOld(base, name)
}

/**
 * Takes earlier data away, but not what a subPath still shows to a container: a mount of something that is gone cannot be mounted
 * once more, and commands in the container are given its mounts anew.
 */
async function removeOld(base: string, present: string): Promise<void> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  for (const name of await readdir(base)) {
    const isOld = name.startsWith('..') && name !== DATA && name !== present
    if (isOld && !mounts.includes(`/${name}`)) await rm(`${base}/${name}`, { recursive: true, force: true })
  }
}

/** The folder that `..data` stands for; one that this writer never makes counts as none. */
async function present(base: string): Promise<string | undefined> {
  const target = await readlink(`${base}/${DATA}`).catch(() => undefined)
  return target !== undefined && /^\.\.[^/]+$/.test(target) && target !== DATA ? target : undefined
}

async function isSame(folder: string, entries: readonly Entry[]): Promise<boolean> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  if (found.filter((entry) => !entry.isDirectory()).length !== entries.length) return false
  for (const { names, content } of entries) {
    const there = await readFile(`${folder}/${names.join('/')}`).catch(() => undefined)
    if (!there?.equals(content)) return false
  }
  return true
}

async function writeEntry(folder: string, { names, content, mode, owner }: Entry, ownership: Ownership) {
  const { group, give } = ownership
  let path = folder
  for (const name of names.slice(0, -1)) {
    path = `${path}/${name}`
    const isNew = await mkdir(path).then(() => true, unlessExists)
    if (isNew) await claimDirectory(path, ownership)
  }
  path = `${path}/${names.at(-1)}`
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.chmod(group === undefined ? mode : mode | GROUP_FILE_BITS)
  } finally {
    await file.close()
  }
  // Where users are not to be had there is one for all: what is meant for another has to be readable for it.
  if (!(await give(path, ownerOf(owner, group)))) await chmod(path, mode | 0o444)
}

async function claimDirectory(path: string, { group, give }: Ownership): Promise<void> {
  await chmod(path, DIRECTORY_MODE)
  const isGiven = await give(path, ownerOf(undefined, group))
  if (group !== undefined && isGiven) await chmod(path, DIRECTORY_MODE | GROUP_DIRECTORY_BITS)
}

export const ownerOf = (user: number | undefined, group: number | undefined): Owner => ({
  ...(user === undefined ? {} : { user }),
  ...(group === undefined ? {} : { group }),
})

/** `hostId`: the node's id behind an id of the pod. */
export function giver(hostId: (id: number) => number): Give {
  return async (path, { user = 0, group = 0 }) => {
    try {
      await lchown(path, hostId(user), hostId(group))
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPERM' || code === 'EINVAL') return false
      throw error
    }
  }
}

/** Whoever looks for `top` finds it in the present data. */
async function showTop(base: string, top: string): Promise<void> {
  const target = `${DATA}/${top}`
  await symlink(target, `${base}/${top}`).catch(async (error) => {
    unlessExists(error)
    if ((await readlink(`${base}/${top}`)) !== target) throw error
  })
}

async function hideOthers(base: string, tops: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(base)) {
    if (name.startsWith('..') || tops.has(name)) continue
    const target = await readlink(`${base}/${name}`).catch(() => undefined)
    if (target === `${DATA}/${name}`) await unlink(`${base}/${name}`)
  }
}

function unlessExists(error: NodeJS.ErrnoException): false {
  if (error.code !== 'EEXIST') throw error
  return false
}
