/**
 * A running ebb as other commands find it: one run directory for each process, with the sockets and `ebb.json`. It lies where
 * the system cleans up by itself, and paths stay short: a Unix socket's path has 108 bytes at most.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

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

export function runRoot(): string {
  const base = process.env.XDG_RUNTIME_DIR
  return base && existsSync(base) ? join(base, 'ebb') : join(tmpdir(), `ebb-${userInfo().uid}`)
}

export function defaultDataDirectory(): string {
  return join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'ebb')
}

/** Creates the directory of this process, ours alone. Refuses a place that belongs to somebody else (a shared /tmp). */
export function createRunDirectory(): string {
  const root = runRoot()
  mkdirSync(root, { recursive: true, mode: 0o700 })
  if (statSync(root).uid !== userInfo().uid) throw new Error(`${root} belongs to another user: set XDG_RUNTIME_DIR`)
  const directory = join(root, String(process.pid))
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { mode: 0o700 })
  return directory
}

export function writeInstance(directory: string, instance: Instance): void {
  writeFileSync(join(directory, 'ebb.json'), JSON.stringify(instance, null, 2), { mode: 0o600 })
}

/** Those that run, by port. Leftovers of dead ones are removed. */
export function runningInstances(): Instance[] {
  const root = runRoot()
  if (!existsSync(root)) return []
  const found: Instance[] = []
  for (const name of readdirSync(root)) {
    const path = join(root, name, 'ebb.json')
    if (!existsSync(path)) continue
    try {
      const instance = JSON.parse(readFileSync(path, 'utf8')) as Instance
      if (startTicks(instance.pid) === instance.startTicks) found.push(instance)
      else rmSync(join(root, name), { recursive: true, force: true })
    } catch {
      // Half-written by an ebb that is starting just now: not running yet.
    }
  }
  return found.sort((a, b) => a.port - b.port)
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
