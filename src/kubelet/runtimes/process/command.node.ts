/** Whether a command can be executed, said as containerd and runc say it when not. */
import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** Why `command` cannot be executed (`exec: "x": executable file not found in $PATH`); undefined when it can. */
export function whyNotExecutable(command: string, path: string, workingDir: string): string | undefined {
  const name = JSON.stringify(command)
  if (command.includes('/')) {
    const file = isAbsolute(command) ? command : join(workingDir || '/', command)
    const trouble = fileTrouble(file)
    if (trouble === 'missing') return `exec: ${name}: stat ${command}: no such file or directory`
    return trouble ? `exec: ${name}: ${trouble}` : undefined
  }
  const found = path
    .split(delimiter)
    .some((folder) => folder !== '' && fileTrouble(join(folder, command)) === undefined)
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

function fileTrouble(file: string, level = 0): string | undefined {
  try {
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
  return formatTrouble(file, level)
}

/** An ELF file, or a script whose interpreter is there. */
function formatTrouble(file: string, level: number): string | undefined {
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
  const trouble = fileTrouble(Buffer.from(interpreter, 'latin1').toString(), level + 1)
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
