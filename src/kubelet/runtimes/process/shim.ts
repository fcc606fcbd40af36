/**
 * The shim of a container, as shell text: it holds the FIFOs open, runs the program, writes down its exit code, says so, and
 * waits until it is released, so that no output and no exit code is lost while the node process is away. Pure text.
 *
 * Descriptors: 7 the events, 8 bubblewrap's status file, 9 its arguments, 5 the user namespace, 6 a shared PID namespace, 3 and 4
 * keep the FIFOs.
 */

export interface ShimPlan {
  readonly id: string
  /** Directory of the container, relative to the launcher's. */
  readonly directory: string
  /** From that directory back to the launcher's. */
  readonly back: string
  /** The node's own programs, by absolute path. */
  readonly tools: Readonly<Record<'bwrap' | 'env' | 'script' | 'setsid', string>>
  /** Runs before everything else, e.g. `nsenter --net=...`, and becomes the owner of the user namespace. */
  readonly enter: readonly string[]
  readonly form: 'bwrap' | 'plain'
  /** /proc/PID/ns/user of whoever holds the container's user namespace. */
  readonly userSpace?: string
  /** /proc/PID/ns/pid of the pod's first process, when the pod shares its PID namespace. */
  readonly sharedPid?: string
  readonly stdin: boolean
  readonly tty: boolean
  /** Plain only: everything comes from here; with bubblewrap it is in its arguments. */
  readonly env: readonly (readonly [string, string])[]
  readonly workingDir: string
  readonly command: readonly string[]
}

/** Said when the program is about to be executed; the shell that says it becomes the program, with the same pid. */
function announce(plan: ShimPlan): string {
  return `echo "s ${plan.id} $$" >&7; unset PWD OLDPWD; exec 5>&- 6>&- 7>&- 8>&- 9>&- "$@"`
}

export function renderShim(plan: ShimPlan): string {
  const inner = `exec ${plan.form === 'bwrap' ? bwrapLine(plan) : plainLine(plan)}`
  const terminal = `SHELL=/bin/sh ${quote(plan.tools.script)} --quiet --flush --return --command '. ./inner' /dev/null 3>&- 4>&-`
  return [
    `cd ${quote(plan.directory)}`,
    'exec 3<>out 4<>err',
    // What the shell says of a child that was killed is not the program's: it goes nowhere.
    `exec 0${plan.stdin ? '<in' : '</dev/null'} 1>out 2>/dev/null`,
    'read -r self rest </proc/self/stat',
    'echo "$self $rest" >shim',
    `echo "a ${plan.id} $self" >&7`,
    ...(plan.tty ? [`cat >inner <<'EBB-END'`, inner, 'EBB-END'] : []),
    plan.tty ? `${terminal} 2>&1` : `(${inner} 2>err 3>&- 4>&-)`,
    'code=$?',
    'echo "$code" >exit',
    `echo "x ${plan.id} $code" >&7`,
    'exec 0</dev/null 1>/dev/null 2>/dev/null',
    `read -r rest <>${quote(`${plan.back}/park`)}`,
    '',
  ].join('\n')
}

function bwrapLine(plan: ShimPlan): string {
  const words = [
    ...plan.enter,
    plan.tools.bwrap,
    '--args',
    '9',
    '--json-status-fd',
    '8',
    '--',
    '/bin/sh',
    '-c',
    announce(plan),
    'sh',
  ]
  const user = plan.userSpace === undefined ? '' : ` 5<${quote(plan.userSpace)}`
  const shared = plan.sharedPid === undefined ? '' : ` 6<${quote(plan.sharedPid)}`
  return `${[...words, ...plan.command].map(quote).join(' ')} 9<args 8>status${user}${shared}`
}

function plainLine(plan: ShimPlan): string {
  const env = plan.env.map(([name, value]) => `${name}=${value}`)
  const body = `cd "$1" || exit 126; shift; ${announce(plan)}`
  const { setsid, env: clean } = plan.tools
  const words = [...plan.enter, setsid, clean, '-i', ...env, '/bin/sh', '-c', body, 'sh', plan.workingDir || '/']
  return [...words, ...plan.command].map(quote).join(' ')
}

/** One word of a POSIX shell. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** What shells set for themselves, whatever they were given, or obey. */
const SHELLS_OWN = new Set(
  '_ BASHOPTS BASH_ENV BASH_VERSION ENV IFS LINENO OLDPWD OPTIND PPID PS1 PS2 PS4 PWD RANDOM SHELLOPTS SHLVL UID EUID'.split(
    ' ',
  ),
)

/** What the loader of every program obeys, and so those that stand in front of the container's. Sources: ld.so(8), musl's manual. */
const LOADERS = /^(LD_.*|GLIBC_TUNABLES)$/

/** A variable that is none of a shell's concern: its name would not get through one, or means something to what stands in front. */
export function isForeignName(name: string): boolean {
  return SHELLS_OWN.has(name) || LOADERS.test(name) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
}
