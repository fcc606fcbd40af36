/**
 * Why a program was not started, in the words of runc: from what the programs in front of it (bubblewrap, nsenter, setpriv, env,
 * the shell) said. Neither their names nor paths of the node itself stand in it. Pure.
 *
 *   bwrap: execvp app: No such file or directory   ->  exec: "app": executable file not found in $PATH
 *   bwrap: Can't chdir to /nope: No such file ...  ->  chdir to cwd ("/nope") set in config.json failed: no such file or directory
 */

/** `bwrap: `, `/bin/sh: 1: `, `/usr/bin/env: `. */
const SPEAKER =
  /^(?:\S*\/)?(?:bwrap|nsenter|setpriv|setsid|unshare|script|env|sh|dash|bash|busybox)(?:: (?:line )?\d+)?: /

/** What they say of a program that they cannot execute: its name, and the system's reason. */
const NOT_EXECUTED = [
  /^bwrap: execvp (.*): ([^:]+)$/,
  /^(?:\S*\/)?(?:sh|dash|bash|busybox)(?:: (?:line )?\d+)?: exec: (.*): ([^:]+)$/,
  /^(?:\S*\/)?(?:nsenter|setpriv|setsid|unshare): failed to execute (.*): ([^:]+)$/,
  /^(?:\S*\/)?env: [‘'](.*)[’']: ([^:]+)$/,
]
const NO_FOLDER = /(?:Can't chdir to|can't cd to) (.*?)(?:: ([^:]+))?$/

/** What of bubblewrap's preparations failed, in Go's words: `mkdir /etc/passwd/x: not a directory`. */
const PREPARED: readonly (readonly [RegExp, string])[] = [
  [/^Can't mkdir (?:parents for )?(.*)$/, 'mkdir'],
  [/^Can't create file (?:at )?(.*)$/, 'open'],
  [/^Can't create symlink (.*)$/, 'symlink'],
  [/^Can't bind mount \S* on (.*)$/, 'mount'],
  [/^Can't (?:remount readonly|mount \w+) on (.*)$/, 'mount'],
]

const MISSING = 'no such file or directory'

/** The program that `line` says was not executed, and why. */
function notExecuted(line: string): { readonly program: string; readonly why: string } | undefined {
  for (const pattern of NOT_EXECUTED) {
    const [, program, why = ''] = pattern.exec(line) ?? []
    if (program !== undefined) return { program, why: lower(why.replace(/^not found$/, MISSING)) }
  }
  return undefined
}

/** Whether a process that ended with `code`, having said `said`, never was the program: its launcher could not execute that. */
export function neverRan(said: string, code: number, [program]: readonly string[]): boolean {
  if (code !== 126 && code !== 127) return false
  const text = said.trimEnd()
  return !text.includes('\n') && notExecuted(text)?.program === program
}

/**
 * Whether bubblewrap met mounts that ended in this moment: it binds folders with everything mounted below, and fails when
 * something is unmounted there meanwhile. That is nobody's fault: the same once more may do.
 */
export function isTransient(said: string): boolean {
  return said.includes('Unable to apply mount flags')
}

/** `internal`: folders of the node whose paths are nobody's business. */
export function startReason(said: string, internal: readonly string[]): string {
  const line = said.split('\n').find((text) => text.trim() !== '') ?? ''
  const failed = notExecuted(line)
  if (failed) return execReason(failed.program, failed.why)
  const [, folder, why = MISSING] = NO_FOLDER.exec(line) ?? []
  if (folder !== undefined) return `chdir to cwd (${JSON.stringify(folder)}) set in config.json failed: ${lower(why)}`
  const text = line.replace(SPEAKER, '')
  if (text === '') return 'the program could not be started'
  if (!internal.some((root) => text.includes(root))) return prepared(text)
  return `a file of the pod could not be mounted: ${lower(/: ([^:/]+)$/.exec(text)?.[1] ?? MISSING)}`
}

function prepared(text: string): string {
  const [, doing = text, why] = /^(.*?)(?:: ([^:]+))?$/.exec(text) ?? []
  for (const [pattern, verb] of PREPARED) {
    const [, path] = pattern.exec(doing) ?? []
    if (path !== undefined && why !== undefined)
      return `${verb} ${path.replace(/^\/(?:newroot|oldroot)/, '')}: ${lower(why)}`
  }
  return text
}

function execReason(program: string, why: string): string {
  const name = JSON.stringify(program)
  if (why !== MISSING) return `exec: ${name}: ${why}`
  return `exec: ${name}: ${program.includes('/') ? `stat ${program}: ${MISSING}` : 'executable file not found in $PATH'}`
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
