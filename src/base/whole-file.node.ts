/** Files that are whole or not there at all, and folders and files that nobody but their owner can look into. */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

const OWNER_ONLY_FILE = 0o600
const OWNER_ONLY_FOLDER = 0o700

/**
 * Puts `content` at `path` by a rename: whoever reads sees the old file or the new one, also after a kill or a full disk in the
 * middle. `lasting`: it is on the disk when this returns, for what must survive a power cut. Throws the system's error; the old
 * file is untouched then.
 */
export function writeWhole(path: string, content: string, { mode = OWNER_ONLY_FILE, lasting = false } = {}): void {
  const draft = `${path}.new`
  const file = openNew(draft, mode)
  try {
    try {
      fchmodSync(file, mode)
      writeFileSync(file, content)
      if (lasting) fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  if (lasting) syncFolder(dirname(path))
}

/** A draft that is there already is left over from a kill, or a link that somebody laid: neither is written to. */
function openNew(draft: string, mode: number): number {
  try {
    return openSync(draft, 'wx', mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    rmSync(draft, { force: true })
    return openSync(draft, 'wx', mode)
  }
}

/** Makes what was renamed or made in `folder` outlast a power cut. */
export function syncFolder(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** `mkdir -p`, each new folder for its owner only. Node's own never returns where a folder refuses new ones with ENOENT, as /proc does. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: OWNER_ONLY_FOLDER })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || isFolder(parent)) throw error
    makeFolder(parent)
    mkdirSync(path, { mode: OWNER_ONLY_FOLDER })
  }
}

/** Takes the rights of others from a file or folder of ours. What is missing, a link, or belongs to somebody else stays as it is. */
export function keepPrivate(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found || found.isSymbolicLink() || found.uid !== process.getuid?.() || (found.mode & 0o077) === 0) return
  chmodSync(path, found.mode & OWNER_ONLY_FOLDER)
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
