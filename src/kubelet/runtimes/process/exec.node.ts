/** Commands in a running container: started into its namespaces, with its environment and working directory. */
import type { ChildProcess } from 'node:child_process'
import { closeSync, constants as files, openSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { launch, TOOL_ENVIRONMENT } from '../../../base/child.node.ts'
import type { Clock, Timer } from '../../../base/clock.ts'
import { type ExecResult, type ExecSession, execRefused, RuntimeError } from '../../runtime.ts'
import { execFailure } from './command.node.ts'
import { childrenOf, processTree, sendSignal } from './proc.node.ts'
import { isTransient, startReason } from './start-words.ts'

/** After a command has ended its output is read on; a background child that keeps the pipe open and is silent is not waited for longer, in ms. */
const DRAIN_MAX_MS = 250
/** How long a terminal is looked for before a resize is given up, in ms, and how often. */
const TERMINAL_WAIT_MS = 2000
const TERMINAL_LOOK_MS = 10

export interface ExecPlan {
  /** All that is executed: what leads into the container's namespaces, then the command. */
  readonly words: readonly string[]
  /** Whether something leads there at all: not in a plain container without network namespace. */
  readonly entered: boolean
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** The command alone, for messages. */
  readonly command: readonly string[]
  /** Absent: no bubblewrap leads there. */
  readonly sandbox?: {
    /** bubblewrap's arguments, which it reads from descriptor 3. */
    readonly args: string
    /** The container's user and PID namespace, opened as descriptors 4 and 5. On 6 it tells how the command ended, once it ran. */
    readonly namespaces: readonly [user: string, pid: string]
    /** Folders of the node whose paths are nobody's business. */
    readonly internal: readonly string[]
  }
  /** Names it in messages. */
  readonly execId: string
}

/** A command under way. */
interface RunningCommand extends ExecSession {
  /** Whether it ran at all, rather than what was to lead to it; known at its end. */
  ran(): boolean
}

export function startExec(plan: ExecPlan, options: { tty: boolean; stdin: boolean }, clock: Clock): RunningCommand {
  const child = launchInto(plan, options.stdin || options.tty)
  let status = ''
  const told = (child.stdio as readonly unknown[])[6] as Readable | undefined
  told?.setEncoding('utf8').on('data', (text: string) => {
    status += text
  })
  child.stdin?.on('error', () => {})
  const outputs = [child.stdout, child.stderr].map((stream) => new Output(stream as Readable, clock))
  const [stdout, stderr] = outputs as [Output, Output]
  return {
    stdout,
    stderr,
    write: (bytes) => writeTo(child, bytes),
    closeStdin: () => {
      child.stdin?.end()
    },
    resize: (columns, rows) =>
      resizeTerminal({ child, clock, columns, rows, until: clock.monotonic() + TERMINAL_WAIT_MS }),
    exit: exitCodeOf(child, outputs, clock),
    kill: () => killTree(child, plan.entered),
    ran: () => told === undefined || status.includes('"exit-code"'),
  }
}

function launchInto(plan: ExecPlan, input: boolean): ChildProcess {
  const { sandbox } = plan
  const opened: number[] = []
  try {
    for (const file of sandbox?.namespaces ?? []) opened.push(openSync(file, 'r'))
    const child = launch(plan.words[0] as string, plan.words.slice(1), {
      env: plan.env,
      cwd: plan.cwd,
      detached: true,
      stdio: [
        input ? 'pipe' : 'ignore',
        'pipe',
        'pipe',
        ...(sandbox ? ['pipe' as const, ...opened, 'pipe' as const] : []),
      ],
    })
    const args = child.stdio[3] as Writable | undefined
    args?.on('error', () => {})
    args?.end(sandbox?.args)
    return child
  } catch (error) {
    // The container ended in this moment: its namespaces are gone with it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw execRefused('EXITED')
    throw error
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

/** How often a container is entered at most for one command, when bubblewrap meets mounts that end in this moment. */
const ENTRIES_MAX = 3

/**
 * Rejects with an Error named TimeoutError when the command runs longer than `timeoutMs`; it has then been killed. Rejects with
 * RuntimeError start-failed when nothing led to it.
 */
export async function runExec(plan: ExecPlan, timeoutMs: number, clock: Clock): Promise<ExecResult> {
  for (let entry = 1; ; entry++) {
    const { ran, ...result } = await runOnce(plan, timeoutMs, clock)
    if (ran || result.stderr === '') return result
    if (entry < ENTRIES_MAX && isTransient(result.stderr)) continue
    const why = startReason(result.stderr, plan.sandbox?.internal ?? [])
    throw new RuntimeError('start-failed', execFailure(plan.execId, why))
  }
}

async function runOnce(plan: ExecPlan, timeoutMs: number, clock: Clock): Promise<ExecResult & { ran: boolean }> {
  const session = startExec(plan, { tty: false, stdin: false }, clock)
  let late = false
  const timer = clock.setTimer(timeoutMs, () => {
    late = true
    session.kill()
  })
  const [exitCode, stdout, stderr] = await Promise.all([session.exit, textOf(session.stdout), textOf(session.stderr)])
  timer.cancel()
  if (late) {
    const error = new Error(`command ${JSON.stringify(plan.command.join(' '))} timed out`)
    error.name = 'TimeoutError'
    throw error
  }
  return { exitCode, stdout, stderr, ran: session.ran() }
}

/** Bytes of output of a probe or hook that are kept. */
const EXEC_OUTPUT_BYTES_MAX = 16 * 1024

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let kept = 0
  try {
    for await (const bytes of stream) {
      if (kept < EXEC_OUTPUT_BYTES_MAX) parts.push(bytes.subarray(0, EXEC_OUTPUT_BYTES_MAX - kept))
      kept += bytes.length
    }
  } catch {
    // Cut off after the drain time: what came is what there is.
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Output of a command, and for how long its reader has been waiting: a slow reader is not a silent program. */
class Output implements AsyncIterable<Uint8Array> {
  readonly stream: Readable
  private readonly clock: Clock
  /** Infinity: it is busy with what it has. */
  private waitingSince = Number.NEGATIVE_INFINITY

  constructor(stream: Readable, clock: Clock) {
    this.stream = stream
    this.clock = clock
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const chunks = this.stream[Symbol.asyncIterator]()
    for (;;) {
      this.waitingSince = this.clock.monotonic()
      const { value, done } = await chunks.next()
      this.waitingSince = Number.POSITIVE_INFINITY
      if (done) return
      yield value as Uint8Array
    }
  }

  isSilent(): boolean {
    const { destroyed, readableEnded } = this.stream
    if (destroyed || readableEnded) return true
    return this.clock.monotonic() - this.waitingSince >= DRAIN_MAX_MS
  }
}

function exitCodeOf(child: ChildProcess, outputs: readonly Output[], clock: Clock): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(127))
    child.once('exit', (code, signal) => {
      let timer: Timer
      const look = () => {
        if (outputs.every((output) => output.isSilent())) for (const { stream } of outputs) stream.destroy()
        else timer = clock.setTimer(DRAIN_MAX_MS, look)
      }
      timer = clock.setTimer(DRAIN_MAX_MS, look)
      child.once('close', () => {
        timer.cancel()
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
      })
    })
  })
}

function writeTo(child: ChildProcess, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (!child.stdin?.writable) resolve()
    else child.stdin.write(bytes, () => resolve())
  })
}

/**
 * Where namespaces are entered, the one that entered is spared: it waits for the command, collects it and ends as it did. Were
 * it killed too, the command's zombie would be left to a process outside, and the container's PID namespace could not end.
 */
function killTree(child: ChildProcess, entered: boolean): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const below = processTree(child.pid).slice(1).reverse()
  for (const pid of below) sendSignal(pid, 'SIGKILL')
  if (!entered || below.length === 0) sendSignal(child.pid, 'SIGKILL')
}

/** The terminal belongs to a process below script(1): looked for until it is there. */
function resizeTerminal(job: {
  child: ChildProcess
  clock: Clock
  columns: number
  rows: number
  until: number
}): void {
  const { child, clock, columns, rows } = job
  if (child.pid === undefined || child.exitCode !== null) return
  const owner = processTree(child.pid).find((pid) => /^\/dev\/pts\//.test(linkOf(pid)))
  if (owner !== undefined) setTerminalSize(owner, columns, rows)
  else if (clock.monotonic() < job.until) clock.setTimer(TERMINAL_LOOK_MS, () => resizeTerminal(job))
}

/** `pid` has the terminal as its standard input. The kernel tells the foreground programs with SIGWINCH. */
export function setTerminalSize(pid: number, columns: number, rows: number): void {
  let fd: number
  try {
    fd = openSync(`/proc/${pid}/fd/0`, files.O_RDWR | files.O_NOCTTY)
  } catch {
    return
  }
  try {
    const size = ['cols', String(columns), 'rows', String(rows)]
    launch('stty', size, { env: TOOL_ENVIRONMENT, stdio: [fd, 'ignore', 'ignore'] }).once('error', () => {})
  } catch {
    // No descriptor is left: the terminal keeps its size.
  } finally {
    closeSync(fd)
  }
}

/** The first process below `pid` whose standard input is a terminal. */
export function terminalOwner(pid: number): number | undefined {
  return childrenOf(pid)
    .flatMap(processTree)
    .find((child) => /^\/dev\/(pts\/|console)/.test(linkOf(child)))
}

function linkOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`)
  } catch {
    return ''
  }
}
