/** What /proc tells about processes: alive or not (zombies are not, reused pids are not), signal handlers, marks, namespaces. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** Start time in clock ticks since boot; with the pid it names a process for ever. */
  readonly startTicks: string
}

/** What the system says when it has no room for a look at /proc: nothing is known then, least of all that a process has ended. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'])

/** `look`, or `missing` where there is nothing to be seen. Throws when this process is too short of something to see. */
export function seen<T, M>(look: () => T, missing: M): T | M {
  try {
    return look()
  } catch (error) {
    if (SHORTAGES.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    return missing
  }
}

/** `look`, or `blind` when this process is too short of something to see. */
export function unlessShort<T>(look: () => T, blind: T): T {
  try {
    return look()
  } catch {
    return blind
  }
}

function statOf(pid: number): ProcessStat | undefined {
  const text = seen(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), undefined)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return {
    pid,
    state: fields[0] as string,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: fields[19] as string,
  }
}

/** undefined when there is no such process, or only its zombie, or it cannot be looked at just now. */
export function processStat(pid: number): ProcessStat | undefined {
  return unlessShort(() => statOf(pid), undefined)
}

/** Not known to have ended. `startTicks` '': it could not be read when the process began. */
export function isAlive(pid: number, startTicks: string): boolean {
  const alive = () => {
    const stat = statOf(pid)
    return stat !== undefined && (startTicks === '' || stat.startTicks === startTicks)
  }
  return unlessShort(alive, true)
}

/** Whether the process has a handler for `signal` (SigCgt); false when it is gone. */
export function catchesSignal(pid: number, signal: number): boolean {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return mask !== undefined && (BigInt(`0x${mask}`) & (1n << BigInt(signal - 1))) !== 0n
  } catch {
    return false
  }
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return text === '' ? [] : text.split(' ').map(Number)
  } catch {
    return []
  }
}

/**
 * What a look at the processes found. `unsure`: one is just being executed and has no environment to look at yet. `blind`: this
 * process was too short of something (descriptors, memory) to look.
 */
export interface Found {
  readonly pids: readonly number[]
  readonly unsure?: boolean
  readonly blind?: boolean
}

/** Processes for which `test` holds. */
function lookFor(test: (pid: number) => boolean): Found {
  return unlessShort<Found>(() => ({ pids: pids().filter(test) }), { pids: [], blind: true })
}

/** All that was found by any of the looks. */
export function both(a: Found, b: Found): Found {
  return {
    pids: [...a.pids, ...b.pids],
    unsure: (a.unsure || b.unsure) ?? false,
    blind: (a.blind || b.blind) ?? false,
  }
}

/** Processes that carry `NAME=value` in the environment they were started with. Costs 5 ms for 200 processes. */
export function lookForMark(mark: string): Found {
  let unsure = false
  const bytes = Buffer.from(mark).toString('latin1')
  const found = lookFor((pid) => {
    const environment = environmentOf(pid)
    if (environment === '') unsure ||= isBeingExecuted(pid)
    return environment.startsWith(`${bytes}\0`) || environment.includes(`\0${bytes}\0`)
  })
  return { ...found, unsure }
}

/** Processes whose command line ends with `words`. */
export function lookForArguments(words: readonly string[]): Found {
  const end = words.map((word) => `\0${word}`).join('')
  return lookFor((pid) => seen(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1'), '').endsWith(`${end}\0`))
}

export function pidsWithMark(mark: string): readonly number[] {
  return lookForMark(mark).pids
}

function environmentOf(pid: number): string {
  return seen(() => readFileSync(`/proc/${pid}/environ`, 'latin1'), '-')
}

/** It has a program (kernel threads have none) and yet no environment. A program without any looks the same. */
function isBeingExecuted(pid: number): boolean {
  return seen(() => readlinkSync(`/proc/${pid}/exe`), undefined) !== undefined && statOf(pid) !== undefined
}

/** Processes of a session, its leader included. */
export function lookForSession(session: number): Found {
  return lookFor((pid) => statOf(pid)?.session === session)
}

/** `pid` and all below it, children after their parents. */
export function processTree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(processTree)]
}

/** The name of a namespace of a process, e.g. `mnt:[4026532178]`. */
export function namespaceOf(pid: number, kind: 'mnt' | 'pid' | 'net'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}

/** Processes that are in all of these namespaces, by the names that `namespaceOf` gives. */
export function lookForNamespaces(names: Readonly<Partial<Record<'mnt' | 'pid', string>>>): Found {
  const wanted = Object.entries(names)
  return lookFor((pid) =>
    wanted.every(([kind, name]) => seen(() => readlinkSync(`/proc/${pid}/ns/${kind}`), undefined) === name),
  )
}

/** False when there was nothing to signal. */
export function sendSignal(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** How long a killed process may take until it is gone, in ms; on a busy machine it must first be given the processor to die. */
const KILL_WAIT_MAX_MS = 5000
/** Looks that are still made, a millisecond apart, while something is unsure. */
const UNSURE_LOOKS_MAX = 4

/** KILLs whatever `look` finds until it finds nothing alive: forks that happen meanwhile do not escape. */
export async function killAll(look: () => Found): Promise<void> {
  const until = performance.now() + KILL_WAIT_MAX_MS
  for (let unsureLooks = 0; performance.now() < until; ) {
    const found = look()
    const alive = found.pids.filter((pid) => isAlive(pid, ''))
    if (alive.length === 0 && !found.blind && (!found.unsure || ++unsureLooks > UNSURE_LOOKS_MAX)) return
    for (const pid of alive) sendSignal(pid, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

function pids(): number[] {
  return seen(() => readdirSync('/proc'), [])
    .filter((name) => name >= '0' && name <= ':')
    .map(Number)
}
