/**
 * The files of one container's log, as the kubelet names them: the current one, and what was rotated away, the oldest first.
 *
 *   app/0.log.20260102-030405    app/0.log.20260102-031122    app/0.log
 *
 * Source: Kubernetes' pkg/kubelet/logs; the files stay as they are here (the kubelet packs all but the latest), so that who follows
 * a log can fall behind by all of them and lose nothing. All calls are synchronous: the writer and the readers of a log live in one
 * process, and none sees a rotation half done.
 */
import { fstatSync, openSync, readdirSync, renameSync, rmSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { rfc3339 } from '../api/time.ts'

/** Bytes of one file; the next record begins another. The kubelet's containerLogMaxSize. */
export const LOG_BYTES_MAX = 10 * 1024 * 1024
/** Files of one life of a container, the current one included; the oldest is removed. The kubelet's containerLogMaxFiles. */
export const LOG_FILES_MAX = 5

const STAMP = /^\.\d{8}-\d{6}$/

/** UTC, e.g. `.20260102-030405`. */
const stamp = (ms: number): string => `.${rfc3339(ms).replace(/[-:Z]/g, '').replace('T', '-')}`

/** Puts the current file aside, and removes what is too much. Names go up also when the clock does not. */
export function rotateLog(path: string, nowMs: number): void {
  const rotated = rotatedLogs(path)
  const latest = rotated.at(-1) ?? ''
  let ms = nowMs
  while (path + stamp(ms) <= latest) ms += 1000
  try {
    renameSync(path, path + stamp(ms))
  } catch (error) {
    // Removed by somebody: there is nothing to put aside.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  for (const old of rotated.slice(0, Math.max(0, rotated.length + 2 - LOG_FILES_MAX))) rmSync(old, { force: true })
}

/** All files of the log are removed. */
export function removeLog(path: string): void {
  for (const file of [...rotatedLogs(path), path]) rmSync(file, { force: true })
}

/**
 * Opens the file that follows the open file `fd` in the log at `path`; undefined when there is none yet. When that file was
 * removed meanwhile, it is the oldest that was written later.
 */
export function openNextLog(path: string, fd: number): number | undefined {
  const mine = fstatSync(fd)
  const files = [...rotatedLogs(path), path].flatMap((file) => {
    const stats = statOf(file)
    return stats ? [{ file, stats }] : []
  })
  const at = files.findIndex(({ stats }) => isSame(stats, mine))
  const next = at >= 0 ? files[at + 1] : files.find(({ stats }) => stats.mtimeMs > mine.mtimeMs)
  return next && openSync(next.file, 'r')
}

/** Whether nothing is written to the open file `fd` any more. */
export function isRotatedAway(path: string, fd: number): boolean {
  const current = statOf(path)
  return current !== undefined && !isSame(current, fstatSync(fd))
}

const isSame = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev

function rotatedLogs(path: string): string[] {
  const directory = dirname(path)
  const name = basename(path)
  try {
    return readdirSync(directory)
      .filter((file) => file.startsWith(name) && STAMP.test(file.slice(name.length)))
      .sort()
      .map((file) => join(directory, file))
  } catch {
    return []
  }
}

function statOf(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false })
}
