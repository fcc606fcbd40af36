/**
 * Descriptors that a process was started with and that nobody meant for it: those of the shell that ebb was typed into, and the
 * data file that the store's library leaves open to children. What Node opens itself closes when another program is executed.
 */
import { closeSync, readdirSync, readFileSync } from 'node:fs'

/** The bit of O_CLOEXEC in /proc/PID/fdinfo, where flags are octal. */
const CLOSE_ON_EXEC = 0o2000000
const LAST_STANDARD = 2

/** Descriptors above the standard three that a program started now would inherit; none where /proc does not tell. */
function inheritable(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((fd) => fd > LAST_STANDARD && isInheritable(fd))
  } catch {
    return []
  }
}

/** Closes them. For the first lines of a program. */
export function closeInherited(): void {
  for (const fd of inheritable()) closeSync(fd)
}

/** What follows the standard three in the `stdio` of a program that is to inherit nothing: /dev/null in the place of each. */
export function nothingElse(): 'ignore'[] {
  return Array.from({ length: Math.max(LAST_STANDARD, ...inheritable()) - LAST_STANDARD }, () => 'ignore')
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
  } catch {
    return false
  }
}
