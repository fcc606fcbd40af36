/**
 * A running ebb as other commands find it: one run directory for each process, with the sockets and `ebb.json`. It lies where
 * the system cleans up by itself, and paths stay short: a Unix socket's path has 108 bytes at most.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError } from '../cli/cli-error.ts'
import type { Text } from '../cli/text.ts'
import { systemError } from './system-error.node.ts'

export interface Instance {
  readonly pid: number
  /** Start time of the process in clock ticks, from /proc: a reused pid is not it. */
  readonly startTicks: string
  readonly port: number
  readonly url: string
  readonly kubeconfig: string
  readonly data: string | undefined
  readonly version: string
  readonly nodes: readonly string[]
  readonly startedAtMs: number
}

/** The folder of all run directories of this user. */
function runRootPath(): string {
  const base = process.env.XDG_RUNTIME_DIR
  return base && existsSync(base) ? join(base, 'ebb') : join(tmpdir(), `ebb-${userInfo().uid}`)
}

/** The same, made where it is missing. Refuses one of somebody else (a shared /tmp). */
export function runRoot(): string {
  const root = runRootPath()
  const cannot = (why: Text): Text => ({
    en: `files of a running ebb cannot be kept in ${root} (${why.en}): name another folder in XDG_RUNTIME_DIR`,
    ko: `실행 중인 ebb의 파일을 ${root} 에 둘 수 없습니다(${why.ko}). XDG_RUNTIME_DIR 로 다른 폴더를 지정하세요`,
  })
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    accessSync(root, constants.W_OK)
  } catch (error) {
    throw systemError(error, cannot)
  }
  if (statSync(root).uid === userInfo().uid) return root
  throw new CliError(cannot({ en: 'it belongs to another user', ko: '다른 사용자의 것' }))
}

export function defaultDataDirectory(): string {
  return join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'ebb')
}

/** Creates the directory of this process, ours alone. */
export function createRunDirectory(): string {
  const directory = join(runRoot(), String(process.pid))
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { mode: 0o700 })
  return directory
}

/** Takes it away, and the folder around it after the last one. */
export function removeRunDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
  try {
    rmdirSync(dirname(directory))
  } catch {
    // Others of this user run.
  }
}

export function writeInstance(directory: string, instance: Instance): void {
  writeFileSync(join(directory, 'ebb.json'), JSON.stringify(instance, null, 2), { mode: 0o600 })
}

/** Those that run, by port. Leftovers of dead ones are removed. */
export function runningInstances(): Instance[] {
  const root = runRootPath()
  if (!existsSync(root)) return []
  const found: Instance[] = []
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue
    const directory = join(root, name)
    const instance = readInstance(join(directory, 'ebb.json'))
    if (instance && startTicks(instance.pid) === instance.startTicks) found.push(instance)
    else if (instance || startTicks(Number(name)) === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return found.sort((a, b) => a.port - b.port)
}

/** undefined for an ebb that is only starting, or did not get as far. */
function readInstance(path: string): Instance | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Instance
  } catch {
    return undefined
  }
}

/** Field 22 of /proc/PID/stat; undefined when the process is gone or a zombie. Elsewhere than Linux: 'unknown' while it lives. */
export function startTicks(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    try {
      process.kill(pid, 0)
      return 'unknown'
    } catch {
      return undefined
    }
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
