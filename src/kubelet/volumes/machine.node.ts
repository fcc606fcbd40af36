/** Volumes on a real node. */
import { constants, type Stats } from 'node:fs'
import { chmod, mkdir, open, readdir, readlink, realpath, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Files, MountSource, SubPathRequest } from './files.ts'
import { pinInside, realPathOf } from './inside.node.ts'
import { bindDescriptor, mountMemory, mountsBelow, unmountBelow } from './mounts.node.ts'
import { type Give, giver, ownerOf, publish } from './publish.node.ts'

const SETGID = 0o2000
/** What the kubelet, or a runtime, makes on the node itself. */
const HOST_DIRECTORY_MODE = 0o755
const HOST_FILE_MODE = 0o644

/** The files of pods whose ids are on the node what `hostId` says. `covered`: ebb's own folders. */
export function machineFiles(hostId: (id: number) => number, covered: readonly string[] = []): Files {
  const give = giver(hostId)
  return {
    directory: (path, { mode, group }) => inWords(() => makeDirectory({ path, mode, group, give })),
    memory: (path, { bytes, group }) =>
      inWords(async () => {
        await mkdir(path, { recursive: true })
        if ((await mountsBelow(path)).length === 0) await mountMemory(path, bytes)
        await makeDirectory({ path, mode: 0o777, group, give })
      }),
    publish: (path, files, { group }) => inWords(() => publish({ directory: path, files, group, give })),
    hostPath: (path, type) =>
      inWords(async () => {
        await assertForeign(await futurePath(path), covered)
        await checkHostPath(path, type)
      }, path),
    hostSource: (path) =>
      inWords(async () => {
        await assertForeign(await futurePath(path), covered)
        await makeHostDirectory(path)
        return { hostPath: await realForeignPath(path, covered) }
      }, path),
    subPath: (request) => inWords(() => subPath(request, request.isHost ? covered : [])),
    tail,
    async remove({ own, mounts }) {
      await unmountBelow(own)
      if (mounts !== undefined) await removeMounts(mounts)
      await rm(own, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

async function makeDirectory(job: {
  path: string
  mode: number
  group: number | undefined
  give: Give
}): Promise<void> {
  const { path, mode, group, give } = job
  await mkdir(path, { recursive: true })
  await chmod(path, mode)
  const isGiven = await give(path, ownerOf(undefined, group))
  if (group !== undefined && isGiven) await chmod(path, mode | SETGID)
}

async function makeHostDirectory(path: string): Promise<void> {
  if (await found(path)) return
  await mkdir(path, { recursive: true, mode: HOST_DIRECTORY_MODE })
}

/** `path` without links, also where the end of it is still to be made. */
async function futurePath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw error
    // What is made at a link that leads to nothing yet is made where it leads.
    const target = await readlink(path).catch(() => undefined)
    if (target !== undefined) return futurePath(resolve(dirname(path), target))
    return join(await futurePath(dirname(path)), basename(path))
  }
}

/** `path` without links. Rejects when it is one of ebb's own folders or inside of one. */
async function realForeignPath(path: string, covered: readonly string[]): Promise<string> {
  const real = await realpath(path)
  await assertForeign(real, covered)
  return real
}

async function assertForeign(real: string, covered: readonly string[]): Promise<void> {
  for (const folder of covered) {
    const own = await realpath(folder).catch(() => folder)
    if (real === own || real.startsWith(`${own}/`))
      throw new Error("hostPath leads into ebb's own folders, which no pod may see")
  }
}

const TYPES: Readonly<Record<string, { readonly is: (stats: Stats) => boolean; readonly name: string }>> = {
  Directory: { is: (stats) => stats.isDirectory(), name: 'directory' },
  File: { is: (stats) => stats.isFile(), name: 'file' },
  Socket: { is: (stats) => stats.isSocket(), name: 'socket file' },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), name: 'character device' },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), name: 'block device' },
}

async function checkHostPath(path: string, type: string): Promise<void> {
  if (type === '') return
  const stats = await found(path)
  if (!stats && type === 'DirectoryOrCreate') return makeHostDirectory(path)
  if (!stats && type === 'FileOrCreate') return (await open(path, 'a', HOST_FILE_MODE)).close()
  const expected = TYPES[type.replace(/OrCreate$/, '')]
  if (!expected) throw new Error(`${type} is an invalid volume type`)
  if (!stats || !expected.is(stats)) throw new Error(`hostPath type check failed: ${path} is not a ${expected.name}`)
}

/** What a path leads to; undefined: to nothing. */
async function found(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/**
 * With mounts the thing that was checked is the thing that is bound, by its descriptor. Without, it is bound by the path that it
 * had when it was checked: whoever can move it in between can put another in its place.
 */
async function subPath({ volume, path, target }: SubPathRequest, covered: readonly string[]): Promise<MountSource> {
  if (process.platform !== 'linux') return { hostPath: `${volume}/${path}` }
  const pinned = await pinInside(volume, path)
  try {
    const realPath = await realPathOf(pinned)
    await assertForeign(realPath, covered)
    if (target === undefined) return { hostPath: realPath }
    await unmountBelow(target)
    await makeTarget(target, (await pinned.stat()).isDirectory())
    await bindDescriptor(pinned.fd, target)
    return { hostPath: target, realPath }
  } finally {
    await pinned.close()
  }
}

/** An empty thing of the right kind to mount on; one from before may be of the other kind. */
async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await removeTarget(target)
  if (isDirectory) await mkdir(target)
  else await (await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)).close()
}

/**
 * Unmounts all of a pod's mounts, then takes their empty targets away, level by level: `volumes/V`, `subpaths/V/CONTAINER/N`.
 * A target is never gone into: were something still mounted there, it would stay, and this rejects.
 */
async function removeMounts(mounts: string): Promise<void> {
  await unmountBelow(mounts)
  for (const volume of await namesIn(`${mounts}/volumes`)) await removeTarget(`${mounts}/volumes/${volume}`)
  for (const volume of await namesIn(`${mounts}/subpaths`)) {
    const ofVolume = `${mounts}/subpaths/${volume}`
    for (const container of await namesIn(ofVolume)) {
      for (const index of await namesIn(`${ofVolume}/${container}`))
        await removeTarget(`${ofVolume}/${container}/${index}`)
      await removeTarget(`${ofVolume}/${container}`)
    }
    await removeTarget(ofVolume)
  }
  for (const folder of [`${mounts}/volumes`, `${mounts}/subpaths`, mounts]) await removeTarget(folder)
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
}

/** An empty folder or a file; nothing is no trouble. */
async function removeTarget(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') await unlink(path)
    else if (code !== 'ENOENT') throw error
  }
}

async function tail(path: string, bytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const from = Math.max(0, size - bytes)
      const { buffer, bytesRead } = await file.read(new Uint8Array(size - from), 0, size - from, from)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array(0)
    throw error
  }
}

/**
 * The reason of a system error as events show it: `mkdir /data: permission denied`. A path is said only where it is the user's
 * own (`path`): where the kubelet keeps its files is nobody's business.
 */
async function inWords<T>(run: () => Promise<T>, path?: string): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    const what = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message
    throw new Error(path === undefined ? `${syscall}: ${what}` : `${syscall} ${path}: ${what}`, { cause: error })
  }
}
