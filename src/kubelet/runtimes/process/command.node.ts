/** Whether a command can be executed, said as containerd and runc say it when not. */
import { accessSync, closeSync, constants, fstatSync, openSync, readlinkSync, readSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, normalize } from 'node:path'

/** Where this process finds a file of a container. Throws ELOOP. */
export type FileView = (path: string) => string

/** What a plain container sees. */
export const hostFiles: FileView = (path) => path

/** What a container will see that has not begun: the host's files, and what is mounted over them. */
export function filesBefore(
  mounts: readonly { readonly hostPath: string; readonly containerPath: string }[],
): FileView {
  const deepestFirst = mounts
    .map(({ hostPath, containerPath }) => ({ hostPath, point: normalize(containerPath).replace(/\/$/, '') }))
    .sort((a, b) => b.point.length - a.point.length)
  const locate = (path: string) => {
    const mount = deepestFirst.find(({ point }) => path === point || path.startsWith(`${point}/`))
    return mount ? mount.hostPath + path.slice(mount.point.length) : path
  }
  return (path) => locate(followLinks(locate, path))
}

/** What the process `pid` sees. */
export function filesOf(pid: number): FileView {
  const locate = (path: string) => `/proc/${pid}/root${path}`
  return (path) => locate(followLinks(locate, path))
}

/** As the kernel counts them. Source: Linux, include/linux/namei.h, MAXSYMLINKS. */
const LINKS_MAX = 40

/** `path` without a link in it, as the container resolves it: its links lead to its own files, never to what it does not see. */
function followLinks(locate: FileView, path: string): string {
  const names = path.split('/')
  let at = ''
  let links = 0
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')))
      continue
    }
    const target = linkAt(locate(`${at}/${name}`))
    if (target === undefined) at = `${at}/${name}`
    else {
      if (++links > LINKS_MAX) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' })
      names.unshift(...target.split('/'))
      if (isAbsolute(target)) at = ''
    }
  }
  return at || '/'
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** What is executed, before anything of the sandbox. */
export interface ProgramPlan {
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  readonly command: readonly string[]
}

/** Why it cannot be executed (`exec: "x": executable file not found in $PATH`); undefined when it can. */
export function whyNotExecutable(plan: ProgramPlan, files: FileView): string | undefined {
  const { env, workingDir, command: words } = plan
  const [command = ''] = words
  const name = JSON.stringify(command)
  const trouble = (file: string) => fileTrouble(file, files)
  if (command.includes('/')) {
    const why = trouble(isAbsolute(command) ? command : join(workingDir || '/', command))
    if (why === 'missing') return `exec: ${name}: stat ${command}: no such file or directory`
    return why ? `exec: ${name}: ${why}` : undefined
  }
  const found = (env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && trouble(join(folder, command)) === undefined)
  return found ? undefined : `exec: ${name}: executable file not found in $PATH`
}

/**
 * Levels of interpreters that are scripts themselves, as the kernel follows them. Source: Linux, fs/exec.c, exec_binprm.
 */
const INTERPRETERS_MAX = 5
/** What the kernel looks at of a file to be executed, in bytes. Source: Linux, BINPRM_BUF_SIZE. */
const HEAD_BYTES = 256
/** Neither waits for the other end of a FIFO or device that took the file's place meanwhile, nor takes a terminal. */
const OPEN_TO_LOOK = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

function fileTrouble(path: string, files: FileView, level = 0): string | undefined {
  let file: string
  try {
    file = files(path)
    const stat = statSync(file)
    if (stat.isDirectory()) return 'is a directory'
    // A FIFO, a socket, a device: the kernel executes files alone, whatever their mode says.
    if (!stat.isFile()) return 'permission denied'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ELOOP') return 'too many levels of symbolic links'
    return code === 'EACCES' ? 'permission denied' : 'missing'
  }
  try {
    accessSync(file, constants.X_OK)
  } catch {
    return 'permission denied'
  }
  return formatTrouble(file, files, level)
}

/** An ELF file, or a script whose interpreter is there. */
function formatTrouble(file: string, files: FileView, level: number): string | undefined {
  const head = headOf(file)
  if (head === undefined) return undefined
  if (head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46) return undefined
  const line = /^#![ \t]*([^ \t\n\0]*)/.exec(head.toString('latin1'))
  if (!line) return process.platform === 'linux' ? 'exec format error' : undefined
  const interpreter = line[1] as string
  if (interpreter === '') return 'exec format error'
  // A relative one depends on where the program is started.
  if (!isAbsolute(interpreter)) return undefined
  if (level >= INTERPRETERS_MAX) return 'too many levels of symbolic links'
  const trouble = fileTrouble(Buffer.from(interpreter, 'latin1').toString(), files, level + 1)
  if (trouble === 'missing') return 'no such file or directory'
  return trouble === 'is a directory' ? 'permission denied' : trouble
}

/** The first bytes; undefined where only the kernel can tell: executable but not readable. */
function headOf(file: string): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = openSync(file, OPEN_TO_LOOK)
    if (!fstatSync(fd).isFile()) return undefined
    const head = Buffer.alloc(HEAD_BYTES)
    return head.subarray(0, readSync(fd, head, 0, head.length, 0))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** What a container shows as reason of a start that failed, in containerd's words. */
export function startFailure(why: string): string {
  return `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${why}: unknown`
}

/** The same for exec. */
export function execFailure(execId: string, why: string): string {
  return `failed to exec in container: failed to start exec ${JSON.stringify(execId)}: OCI runtime exec failed: exec failed: unable to start container process: ${why}: unknown`
}
