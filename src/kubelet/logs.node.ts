/** Log files of the machine, followed as they grow: told of changes by the kernel, and looked at when the container ends. */
import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type LogOptions, LogReader, tailStart } from './logs.ts'

const READ_BYTES = 64 * 1024
/** A look without being told, in ms: file systems without notification, and whatever a watch may miss. */
const LOOK_MS = 1_000
/** Between looks for a file that is not there yet, in ms. */
const APPEAR_MS = 50

export interface FollowSeams {
  /** Aborts when the container has ended: what it wrote until then is still read. */
  readonly ended: AbortSignal
  /** Aborts when nobody reads any more. */
  readonly gone: AbortSignal
}

/** A log that does not exist (yet) is empty; following waits for it. */
export async function* readLog(path: string, options: LogOptions, seams: FollowSeams): AsyncGenerator<Uint8Array> {
  const file = await openLog(path, options.follow, seams)
  if (!file) return
  const changes = new Changes(options.follow ? path : undefined, seams)
  try {
    const reader = new LogReader(options)
    let at = await startOf(file, options)
    for (;;) {
      if (seams.gone.aborted) return
      const mayGrow = options.follow && !seams.ended.aborted
      for (let bytes = await readAt(file, at); bytes.length > 0; bytes = await readAt(file, at)) {
        at += bytes.length
        const out = reader.push(bytes)
        if (out.length > 0) yield out
        if (reader.isFull) return
      }
      if (!mayGrow) return
      await changes.next()
    }
  } finally {
    changes.close()
    await file.close()
  }
}

async function openLog(path: string, waits: boolean, { ended, gone }: FollowSeams): Promise<FileHandle | undefined> {
  for (;;) {
    const isLast = !waits || ended.aborted || gone.aborted
    try {
      return await open(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    if (isLast) return undefined
    await new Promise((resolve) => setTimeout(resolve, APPEAR_MS))
  }
}

async function startOf(file: FileHandle, { tailLines }: LogOptions): Promise<number> {
  if (tailLines === undefined || tailLines < 0) return 0
  const { size } = await file.stat()
  return tailStart(size, tailLines, async (from, to) => {
    const block = new Uint8Array(to - from)
    const { bytesRead } = await file.read(block, 0, block.length, from)
    return block.subarray(0, bytesRead)
  })
}

async function readAt(file: FileHandle, at: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES)
  const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at)
  return buffer.subarray(0, bytesRead)
}

/** Remembers a change that comes while nobody waits: none is lost between a read and the wait after it. */
class Changes {
  private changed = false
  private wake: (() => void) | undefined
  private readonly watcher: FSWatcher | undefined
  private readonly timer: NodeJS.Timeout | undefined
  private readonly seams: FollowSeams

  constructor(path: string | undefined, seams: FollowSeams) {
    this.seams = seams
    if (path === undefined) return
    this.watcher = watch(path, this.note)
    this.watcher.on('error', this.note)
    this.timer = setInterval(this.note, LOOK_MS)
    seams.ended.addEventListener('abort', this.note)
    seams.gone.addEventListener('abort', this.note)
  }

  private readonly note = (): void => {
    this.changed = true
    this.wake?.()
  }

  async next(): Promise<void> {
    if (!this.changed)
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    this.changed = false
    this.wake = undefined
  }

  close(): void {
    this.watcher?.close()
    clearInterval(this.timer)
    this.seams.ended.removeEventListener('abort', this.note)
    this.seams.gone.removeEventListener('abort', this.note)
  }
}
