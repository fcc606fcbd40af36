/**
 * What a plain container may leave behind, and how nothing of it gets away: its shim is made the reaper of its orphans, so that
 * the kernel gives it every process below that loses its parent, whatever that has done to its session and environment.
 *
 * Only prctl(2) makes a process that, and it stays one over exec; so perl (essential on Debian) or Python does it and becomes
 * the shim. Without either only sessions and marks tell what belongs to a container.
 */
import { runTool } from '../../../base/child.node.ts'
import {
  both,
  type Found,
  isAlive,
  lookForMark,
  lookForSession,
  processStat,
  processTree,
  unlessShort,
} from './proc.node.ts'
import { shimOf } from './state-file.node.ts'

/** Name of the variable that marks a plain container's processes. */
export const CONTAINER_VARIABLE = 'EBB_CONTAINER'

/** Number of prctl(2), by `process.arch`. Source: Linux, the architectures' system call tables. */
const PRCTL: Readonly<Record<string, number>> = {
  x64: 157,
  ia32: 172,
  arm: 172,
  arm64: 167,
  ppc64: 171,
  riscv64: 167,
  s390x: 172,
}
/** Source: Linux, include/uapi/linux/prctl.h. */
const SET_CHILD_SUBREAPER = 36

/** A shell that is adopted by nobody else but the one that runs it ends well. */
const TRIAL =
  'pid=$(sh -c "sleep 9 >/dev/null 2>&1 & echo \\$!"); read -r _ _ _ parent _ </proc/$pid/stat; kill $pid; [ "$parent" = $$ ]'

/** Words that make of what follows them a reaper of its orphans; undefined where there are none. Costs about 10 ms. */
export async function findReaper(): Promise<readonly string[] | undefined> {
  const number = PRCTL[process.arch]
  const prctl = `${SET_CHILD_SUBREAPER}, 1, 0, 0, 0`
  const python = `import ctypes, os, sys; ctypes.CDLL(None).prctl(${prctl}); os.execv(sys.argv[1], sys.argv[1:])`
  const candidates: readonly [string, ...string[]][] = [
    ...(number === undefined
      ? []
      : [['/usr/bin/perl', '-e', `syscall(${number}, ${prctl}); exec @ARGV`] as [string, ...string[]]]),
    ['/usr/bin/python3', '-I', '-S', '-c', python],
  ]
  for (const [program, ...args] of candidates) {
    const works = await runTool(program, [...args, '/bin/sh', '-c', TRIAL]).then(
      () => true,
      () => false,
    )
    if (works) return [program, ...args]
  }
  return undefined
}

/**
 * Processes of a plain container, whose files are in `directory`: those that carry its mark, those in its program's session,
 * those below its shim.
 */
export function plainLeftovers(container: {
  readonly id: string
  readonly directory: string
  readonly program: { readonly pid: number; readonly startTicks: string } | undefined
}): Found {
  const { id, directory, program } = container
  const below = unlessShort<Found>(() => belowShim(directory), { pids: [], blind: true })
  return both(both(lookForMark(`${CONTAINER_VARIABLE}=${id}`), sessionOf(program)), below)
}

function belowShim(directory: string): Found {
  const shim = shimOf(directory)
  return { pids: shim && isAlive(shim.pid, shim.startTicks) ? processTree(shim.pid).slice(1) : [] }
}

/** None when the program's pid has become another's. */
function sessionOf(program: { readonly pid: number; readonly startTicks: string } | undefined): Found {
  if (!program) return { pids: [] }
  const now = processStat(program.pid)
  return now && now.startTicks !== program.startTicks ? { pids: [] } : lookForSession(program.pid)
}
