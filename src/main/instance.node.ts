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
  realpathSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { keepPrivate, makeFolder, writeWhole } from '../base/whole-file.node.ts'
import { CliError } from '../cli/cli-error.ts'
import type { Text } from '../cli/text.ts'
import { systemError } from './system-error.node.ts'
import { whyUntrusted } from './trusted-folder.node.ts'

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
  const shared = !base || !existsSync(base)
  return shared ? join(realpathSync(tmpdir()), `ebb-${process.getuid?.()}`) : join(realpathSync(base), 'ebb')
}

/** The same, made where it is missing. Throws CliError when it cannot be made, or others could have had a hand in it. */
export function runRoot(): string {
  const root = runRootPath()
  return inRunRoot(root, () => {
    if (!existsSync(root)) makeFolder(root)
    const why = whyUntrusted(root)
    if (why) throw new CliError(cannotKeep(root, why))
    keepPrivate(root)
    accessSync(root, constants.W_OK)
    return root
  })
}

/** Does `work` on files below the run root; a refusal of the system becomes a sentence. */
function inRunRoot<T>(root: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw systemError(error, (why) => cannotKeep(root, why))
  }
}

const cannotKeep = (root: string, why: Text): Text => ({
  en: `files of a running ebb cannot be kept in ${root} (${why.en}): name another folder in XDG_RUNTIME_DIR`,
  ko: `실행 중인 ebb의 파일을 ${root} 에 둘 수 없습니다(${why.ko}). XDG_RUNTIME_DIR 로 다른 폴더를 지정하세요`,
})

const notBelieved = (root: string, why: Text): Text => ({
  en: `what ${root} says of running ebbs is not believed (${why.en}): remove it, or name another folder in XDG_RUNTIME_DIR`,
  ko: `${root} 에 있는 실행 중인 ebb의 정보를 믿을 수 없습니다(${why.ko}). 지우거나, XDG_RUNTIME_DIR 로 다른 폴더를 지정하세요`,
})

export function defaultDataDirectory(): string {
  return join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'ebb')
}

/** Creates the directory of this process, ours alone. */
export function createRunDirectory(): string {
  const root = runRoot()
  return inRunRoot(root, () => {
    const directory = join(root, String(process.pid))
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { mode: 0o700 })
    return directory
  })
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
  inRunRoot(dirname(directory), () => writeWhole(join(directory, 'ebb.json'), JSON.stringify(instance, null, 2)))
}

/**
 * Those that run, by port. Leftovers of dead ones are removed. Throws CliError where others could have laid down what is read:
 * nothing is believed, signalled or removed then.
 */
export function runningInstances(): Instance[] {
  const root = runRootPath()
  if (!existsSync(root)) return []
  const why = whyUntrusted(root)
  if (why) throw new CliError(notBelieved(root, why))
  const found: Instance[] = []
  for (const name of readdirSync(root)) {
    const directory = join(root, name)
    if (!/^\d+$/.test(name) || whyUntrusted(directory)) continue
    const instance = readInstance(join(directory, 'ebb.json'))
    if (instance?.pid === Number(name) && startTicks(instance.pid) === instance.startTicks) found.push(instance)
    else if (instance || startTicks(Number(name)) === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return found.sort((a, b) => a.port - b.port)
}

/** undefined for an ebb that is only starting, or did not get as far. */
function readInstance(path: string): Instance | undefined {
  try {
    const instance = JSON.parse(readFileSync(path, 'utf8')) as Instance
    const texts = [instance.startTicks, instance.url, instance.kubeconfig]
    const isOne = Number.isInteger(instance.pid) && Number.isInteger(instance.port)
    return isOne && texts.every((text) => typeof text === 'string') ? instance : undefined
  } catch {
    return undefined
  }
}

/** What a killed one left; usually its watchdog was there before. */
export function removeInstance({ pid }: Instance): void {
  removeRunDirectory(join(runRootPath(), String(pid)))
}

/**
 * Signals exactly this ebb: not a process that has its number by now. False when it is gone. One that is stopped is continued:
 * it could not hear otherwise.
 */
export function signalInstance({ pid, startTicks: started }: Instance, signal: NodeJS.Signals): boolean {
  if (startTicks(pid) !== started) return false
  try {
    process.kill(pid, signal)
    return process.kill(pid, 'SIGCONT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
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
