/** Whether a command can be executed, said as containerd and runc say it when not. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
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

function fileTrouble(file: string): string | undefined {
  try {
    if (statSync(file).isDirectory()) return 'is a directory'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'permission denied' : 'missing'
  }
  try {
    accessSync(file, constants.X_OK)
  } catch {
    return 'permission denied'
  }
  return formatTrouble(file)
}

/** Reads the first bytes: an ELF file, or a script whose interpreter is there. */
function formatTrouble(file: string): string | undefined {
  const head = Buffer.alloc(256)
  let length = 0
  try {
    const fd = openSync(file, 'r')
    length = readSync(fd, head, 0, head.length, 0)
    closeSync(fd)
  } catch {
    // Executable but not readable: only the kernel can tell.
    return undefined
  }
  if (length >= 4 && head.readUInt32BE(0) === 0x7f454c46) return undefined
  const text = head.subarray(0, length).toString('latin1')
  if (!text.startsWith('#!')) return process.platform === 'linux' ? 'exec format error' : undefined
  const interpreter = text.slice(2).trim().split(/\s/)[0] as string
  return fileTrouble(interpreter) === 'missing' ? 'no such file or directory' : undefined
}

/** What a container shows as reason of a start that failed, in containerd's words. */
export function startFailure(why: string): string {
  return `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${why}: unknown`
}

/** The same for exec. */
export function execFailure(execId: string, why: string): string {
  return `failed to exec in container: failed to start exec ${JSON.stringify(execId)}: OCI runtime exec failed: exec failed: unable to start container process: ${why}: unknown`
}
