/**
 * State of the runtime that outlives the node process, as JSON files in its run folder. A file is whole or not there, whatever
 * is killed and however full the disk is; nothing is synced, because nothing in a run folder outlives the machine.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../../../base/whole-file.node.ts'

/** The file is there and is not what was written: empty, cut off, or somebody else's. */
export class BrokenState extends Error {
  override readonly name = 'BrokenState'
}

/** Throws the system's error; the file is as it was then. */
export function writeState(path: string, value: unknown): void {
  writeWhole(path, JSON.stringify(value))
}

/**
 * What was written; undefined when nothing was. `needs`: the fields without which it is of no use. Throws BrokenState, or the
 * system's error when the file cannot be read just now (no descriptors left), which says nothing about what it holds.
 */
export function readState<T extends object>(path: string, needs: readonly (keyof T & string)[]): T | undefined {
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const missing = (value: unknown) =>
    typeof value === 'object' && value !== null ? needs.find((name) => !(name in value)) : 'everything'
  try {
    const value: unknown = JSON.parse(text)
    const lacks = missing(value)
    if (lacks === undefined) return value as T
    throw new BrokenState(`${path} lacks ${lacks}`)
  } catch (error) {
    throw error instanceof BrokenState
      ? error
      : new BrokenState(text === '' ? `${path} is empty` : `${path} is not JSON`)
  }
}

/** Text of a file; undefined when there is none. Throws BrokenState, or the system's error, as `readState` does. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'EISDIR' || code === 'ENOTDIR') throw new BrokenState(`${path} is not a file`)
    throw error
  }
}

/**
 * The shim of the container in `folder`, as it wrote itself down: its line of /proc/self/stat. undefined when it did not get as
 * far, or had no room to.
 */
export function shimOf(folder: string): { readonly pid: number; readonly startTicks: string } | undefined {
  const text = readIfThere(join(folder, 'shim')) ?? ''
  const pid = Number(text.split(' ')[0])
  const startTicks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  return pid > 0 && startTicks ? { pid, startTicks } : undefined
}

/**
 * State files of one folder that tell what has happened already. Not being able to write one down makes it no less true: it is
 * said once, and written as soon as there is room again.
 */
export class StateFolder {
  readonly path: string
  private readonly say: (text: string) => void
  private readonly unwritten = new Map<string, unknown>()

  constructor(path: string, say: (text: string) => void) {
    this.path = path
    this.say = say
  }

  keep(name: string, value: unknown): void {
    try {
      writeState(join(this.path, name), value)
      this.unwritten.delete(name)
    } catch (error) {
      if (!this.unwritten.has(name))
        this.say(`${join(this.path, name)} cannot be written, which is tried again: ${(error as Error).message}`)
      this.unwritten.set(name, value)
    }
  }

  /** Writes what could not be written before. */
  retry(): void {
    for (const [name, value] of [...this.unwritten]) this.keep(name, value)
  }
}
