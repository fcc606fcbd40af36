/**
 * One ebb for each data folder. The lock is a Unix socket that its holder listens on: the kernel closes it when the holder
 * dies, however it dies, so a connection that is refused means that nobody holds it. It also works between containers that
 * share a folder but not their process numbers.
 */
import { createHash } from 'node:crypto'
import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { StoreError } from './store.ts'

/** Names that a lock may leave in its folder. */
export const LOCK_FILES = /^(lock|holder\.json|lock-[\w-]+)$/
/** Longest address of a Unix socket that all systems take, in bytes. */
const SOCKET_PATH_MAX = 100
const ATTEMPTS_MAX = 5

export interface FolderLock {
  release(): Promise<void>
}

/** Throws StoreError `locked`, saying who holds it. The folder must exist. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const own = `lock-${process.pid}-${createHash('sha256').update(`${performance.timeOrigin}`).digest('hex').slice(0, 8)}`
  const server = await listen(folder, own)
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (tryLink(join(folder, own), join(folder, 'lock'))) {
        signHolder(folder)
        return { release: () => release(folder, server) }
      }
      if (await alive(folder, 'lock')) break
      await setAside(folder, own)
    }
    throw new StoreError('locked', lockedMessage(folder))
  } catch (error) {
    await close(server)
    throw error
  } finally {
    rmSync(join(folder, own), { force: true })
  }
}

/** Only for the message to others: a full disk keeps nobody from opening what is there. */
function signHolder(folder: string): void {
  try {
    writeFileSync(join(folder, 'holder.json'), JSON.stringify({ pid: process.pid }), { mode: 0o600 })
  } catch {
    // They are told of "another ebb".
  }
}

/** Takes a dead lock away. When it came to life in between, it is put back. */
async function setAside(folder: string, own: string): Promise<void> {
  const aside = `${own}-stale`
  try {
    renameSync(join(folder, 'lock'), join(folder, aside))
  } catch {
    return
  }
  if (await alive(folder, aside)) tryLink(join(folder, aside), join(folder, 'lock'))
  rmSync(join(folder, aside), { force: true })
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function lockedMessage(folder: string): string {
  let holder = 'another ebb'
  try {
    const { pid } = JSON.parse(readFileSync(join(folder, 'holder.json'), 'utf8')) as { pid?: number }
    if (pid) holder = `another ebb (process ${pid})`
  } catch {
    // The holder has not written its name yet.
  }
  return `the data folder ${folder} is in use by ${holder}: stop that one, or choose another folder`
}

async function release(folder: string, server: Server): Promise<void> {
  rmSync(join(folder, 'holder.json'), { force: true })
  rmSync(join(folder, 'lock'), { force: true })
  await close(server)
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

async function listen(folder: string, name: string): Promise<Server> {
  const address = socketAddress(folder, name)
  const server = createServer((socket) => socket.destroy())
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(address.path, resolve)
    })
  } finally {
    address.done()
  }
  server.unref()
  return server
}

function alive(folder: string, name: string): Promise<boolean> {
  const address = socketAddress(folder, name)
  return new Promise<boolean>((resolve) => {
    const socket = connect(address.path)
    const answer = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      answer(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')),
    )
  }).finally(address.done)
}

/** Where the socket is reached: its path, or for a path that is too long a short way to the same place. */
function socketAddress(folder: string, name: string): { path: string; done(): void } {
  const path = join(folder, name)
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return { path, done() {} }
  if (process.platform === 'linux') {
    const directory = openSync(folder, 'r')
    return { path: `/proc/self/fd/${directory}/${name}`, done: () => closeSync(directory) }
  }
  const longest = SOCKET_PATH_MAX - name.length - 1
  throw new StoreError(
    'locked',
    `the path of the data folder ${folder} is too long to lock it: ${longest} bytes at most`,
  )
}
