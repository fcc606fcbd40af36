/** Whether a process already is the program of its container, or still one of those that lead to it. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Clock, sleep } from '../../../base/clock.ts'
import { processStat } from './proc.node.ts'

/** How often a process that is on its way is looked at, in ms, and for how long at most: then it is taken for the program. */
const LOOK_MS = 2
const LOOK_MAX_MS = 2_000
/** Programs that do nothing but become another one. */
const LEADING = new Set(['env', 'setpriv', 'setsid', 'nsenter', 'bwrap', 'unshare'])

export interface Expected {
  /** Stands among the words of the shell that announces the program. */
  readonly id: string
  /** The program's own words. */
  readonly command: readonly string[]
}

/** `gone`: it has ended, as the one or as the other. */
export function executedBy(pid: number, { id, command }: Expected): 'program' | 'launcher' | 'gone' {
  const words = commandLineOf(pid)
  if (words === undefined) return 'gone'
  if (words.length === 0 || words.some((word) => word.includes(id))) return 'launcher'
  const leads = words.length > command.length && LEADING.has(basename(words[0] ?? ''))
  return leads && command.every((word, i) => word === words[words.length - command.length + i]) ? 'launcher' : 'program'
}

/** Resolves when the process is on its way no more. */
export async function untilExecuted(pid: number, expected: Expected, clock: Clock): Promise<'program' | 'gone'> {
  const until = clock.monotonic() + LOOK_MAX_MS
  for (;;) {
    const found = executedBy(pid, expected)
    if (found !== 'launcher') return found
    if (clock.monotonic() >= until) return 'program'
    await sleep(clock, LOOK_MS)
  }
}

/** undefined when it is gone or a zombie; empty in the instant in which it becomes another program. */
function commandLineOf(pid: number): string[] | undefined {
  if (!processStat(pid)) return undefined
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return text === '' ? [] : text.replace(/\0$/, '').split('\0')
  } catch {
    return []
  }
}
