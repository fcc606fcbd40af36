/**
 * Log files of the machine, followed as they grow and are rotated: told of changes by the kernel, and looked at when the container
 * ends.
 */
import { closeSync, type FSWatcher, fstatSync, openSync, read, watch } from 'node:fs'
import { promisify } from 'node:util'
import { isRotatedAway, openNextLog } from './log-files.node.ts'
import { type LogOptions, LogReader, tailStart } from './logs.ts'

/** Bytes of the first read; each that is filled is followed by one of twice the length, up to the last. */
const READ_BYTES = 64 * 1024
const READ_BYTES_MAX = 1024 * 1024
/** A look without being told, in ms: file systems without notification, and whatever a watch may miss. */
const LOOK_MS = 1_000
/** Between looks for a file that is not there yet, in ms. */
const APPEAR_MS = 50

const readFile = promisify(read)

export interface FollowSeams {
  /** Aborts when the container has ended: what it wrote until then is still read. */
  readonly ended: AbortSignal
  /** Aborts when nobody reads any more: so does this. */
  readonly gone: AbortSignal
}

/**
 * A log that does not exist (yet) is empty; following waits for it. It begins in the current file, as in Kubernetes; who follows
 * gets the files after it too.
 */
export async function* readLog(path: string, options: LogOptions, seams: FollowSeams): AsyncGenerator<Uint8Array> {
  let fd = await openLog(path, options.follow, seams)
  if (fd === undefined) return
  const changes = options.follow ? new Changes(path, seams) : undefined
  try {
    const reader = new LogReader(options)
    let at = await startOf(fd, options, seams.gone)
    for (;;) {
      // Looked at before the reading: what was written until then is read whole.
      const mayGrow = options.follow && !seams.ended.aborted
      const isWhole: boolean = options.follow && isRotatedAway(path, fd)
      for (let length = READ_BYTES; ; length = Math.min(2 * length, READ_BYTES_MAX)) {
        const bytes = await readAt(fd, at, length)
        if (seams.gone.aborted) return
        if (bytes.length === 0) break
        at += bytes.length
        const out = reader.push(bytes)
        if (out.length > 0) yield out
        if (reader.isFull) return
      }
      const next: number | undefined = isWhole ? openNextLog(path, fd) : undefined
      if (next !== undefined) {
        closeSync(fd)
        fd = next
        at = 0
        changes?.watch()
      } else if (!mayGrow || seams.gone.aborted) return
      else await changes?.next()
    }
  } finally {
    changes?.close()
    closeSync(fd)
  }
}

async function openLog(path: string, waits: boolean, { ended, gone }: FollowSeams): Promise<number | undefined> {
  for (;;) {
    const isLast = !waits || ended.aborted || gone.aborted
    try {
      return openSync(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    if (isLast) return undefined
    await new Promise((resolve) => setTimeout(resolve, APPEAR_MS))
  }
}

async function startOf(fd: number, { tailLines }: LogOptions, gone: AbortSignal): Promise<number> {
  if (tailLines === undefined || tailLines < 0) return 0
  const { size } = fstatSync(fd)
  return tailStart(size, tailLines, async (from, to) => (gone.aborted ? undefined : readAt(fd, from, to - from)))
}

async function readAt(fd: number, at: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await readFile(fd, buffer, 0, length, at)
  return buffer.subarray(0, bytesRead)
}

/** Remembers a change that comes while nobody waits: none is lost between a read and the wait after it. */
class Changes {
  private changed = false
  private wake: (() => void) | undefined
  private watcher: FSWatcher | undefined
  private readonly timer: NodeJS.Timeout
  private readonly path: string
  private readonly seams: FollowSeams

  constructor(path: string, seams: FollowSeams) {
    this.path = path
    this.seams = seams
    this.timer = setInterval(this.note, LOOK_MS)
    seams.ended.addEventListener('abort', this.note)
    seams.gone.addEventListener('abort', this.note)
    this.watch()
  }

  /** The file that is the current one now. Where no more can be watched the timer does it alone. */
  watch(): void {
    this.watcher?.close()
    this.watcher = undefined
    this.changed = true
    try {
      this.watcher = watch(this.path, this.note)
      this.watcher.on('error', this.note)
    } catch {
      // ENOSPC, EMFILE: too many watches here; ENOENT: removed.
    }
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
