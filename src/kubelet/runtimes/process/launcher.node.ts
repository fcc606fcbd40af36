/**
 * The launcher: one small shell per node that starts containers on the node process's word. So starting a container costs the
 * node process a line on a FIFO instead of a spawn (which would block it for milliseconds), and containers are nobody's child
 * who could crash: they, their FIFOs and their exit codes outlive the node process, and the next one finds them again.
 *
 * In `directory`: `control` (commands in), `events` (what happened, out), `park` (where a shim waits to be released), `pool/`
 * (ready FIFOs), `launcher.json` (who runs). Events are lines: `a ID PID` shim began, `s ID PID` the program is about to be
 * executed, `x ID CODE` it ended, `f BATCH` FIFOs are ready.
 *
 * A launcher that is lost is replaced, and what it had not begun is begun by the next one. A file is begun once, however often
 * it is sent: `FILE.begun` is made by whoever begins it, and by nobody else.
 */
import { closeSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../../../base/child.node.ts'
import { writeWhole } from '../../../base/whole-file.node.ts'
import { drainFifo, type FifoReader, openFifoForWriting, readFifo } from './fifo.node.ts'
import { isAlive, killAll, lookForArguments, processStat } from './proc.node.ts'
import { BrokenState, readState, writeState } from './state-file.node.ts'

/** FIFOs made by one `mkfifo`, which costs a process; a container takes two or three. */
const FIFO_BATCH = 48
/** A new batch is ordered when fewer are left. */
const FIFOS_LOW = 12

const SCRIPT = `
cd "$1" || exit 1
umask 022
mkdir -p pool
[ -p park ] || mkfifo -m 600 control events park
exec 7<>events
if [ -z "$(ls pool)" ]; then
  n=0; names=
  while [ $n -lt $2 ]; do names="$names pool/0-$n"; n=$((n + 1)); done
  mkfifo -m 622 $names
fi
echo ready
exec 0</dev/null 1>/dev/null 2>/dev/null
while read -r file; do
  [ -n "$file" ] && { (
    set -C; true >"$file.begun" || [ ! -e "$file.begun" ] || exit; set +C
    . "$file"
  ) & }
  jobs >/dev/null
done <>control
`

export type LauncherEvent =
  | { readonly type: 'began'; readonly id: string; readonly pid: number }
  | { readonly type: 'executing'; readonly id: string; readonly pid: number }
  | { readonly type: 'ended'; readonly id: string; readonly code: number }

export class Launcher {
  private readonly directory: string
  private readonly env: Readonly<Record<string, string>>
  private readonly control: number
  private readonly events: FifoReader
  private readonly listener: (event: LauncherEvent) => void
  private fifos: string[] = []
  private batch = 0
  private ordered = false
  private waiting: ((came: boolean) => void)[] = []
  private rest = ''
  /** Files that were sent and of which nothing was heard yet, by the id that their first event will carry. */
  private readonly sent = new Map<string, string>()
  private replacing: Promise<void> | undefined

  private constructor(
    directory: string,
    env: Readonly<Record<string, string>>,
    listener: (event: LauncherEvent) => void,
  ) {
    this.directory = directory
    this.env = env
    this.listener = listener
    this.control = openFifoForWriting(join(directory, 'control'))
    this.fifos = readdirSync(join(directory, 'pool')).filter((name) => !name.startsWith('.'))
    this.events = readFifo(join(directory, 'events'), (bytes) => this.take(Buffer.from(bytes).toString('latin1')))
  }

  /** Finds the launcher of this directory, or starts one. `env` is what shims inherit. Throws when no shell can be started. */
  static async open(
    directory: string,
    env: Readonly<Record<string, string>>,
    listener: (event: LauncherEvent) => void,
  ): Promise<Launcher> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (!runs(directory)) await start(directory, env)
    return new Launcher(directory, env, listener)
  }

  /**
   * Sources the shell file at `path`, relative to the directory, in a process of its own. `id`: of its first event. Throws when
   * there is no launcher to be had, or it takes nothing.
   */
  async run(path: string, id: string): Promise<void> {
    this.sent.set(id, path)
    try {
      if (this.replacing || !runs(this.directory)) await this.replace()
      else this.send(path)
    } catch (error) {
      this.sent.delete(id)
      throw error
    }
  }

  /** Replaces a launcher that was lost. */
  async check(): Promise<void> {
    if (this.replacing || !runs(this.directory)) await this.replace()
  }

  /** Lets the launcher collect what has ended. */
  reap(): void {
    try {
      writeSync(this.control, '\n')
    } catch {
      // It has much to read, or is being replaced: it collects with the next line.
    }
  }

  /** Moves a ready FIFO to `path`. Throws when none can be made. */
  async fifo(path: string): Promise<void> {
    while (this.fifos.length === 0) {
      const came = new Promise<boolean>((resolve) => this.waiting.push(resolve))
      await this.order()
      if (!(await came)) throw new Error(`no FIFOs can be made in ${this.directory}: there is no room, or no right to`)
    }
    renameSync(join(this.directory, 'pool', this.fifos.pop() as string), path)
    if (this.fifos.length < FIFOS_LOW) void this.order().catch(() => {})
  }

  /** What already happened is told before this returns. */
  drain(): void {
    this.events.drain()
  }

  /** Stops listening; the launcher and its containers go on. */
  close(): void {
    this.events.close()
    closeSync(this.control)
  }

  private async order(): Promise<void> {
    if (this.ordered) return
    this.ordered = true
    this.batch++
    const batch = `${process.pid}-${this.batch}`
    const file = join('pool', `.order-${batch}`)
    const names = fifoNames(batch).map((name) => `pool/${name}`)
    try {
      writeFileSync(
        join(this.directory, file),
        `mkfifo -m 622 ${names.join(' ')}; rm -f ${file} ${file}.begun; echo "f ${batch}" >&7\n`,
      )
      await this.run(file, batch)
    } catch (error) {
      this.ordered = false
      throw error
    }
  }

  private send(path: string): void {
    writeSync(this.control, `./${path}\n`)
  }

  private replace(): Promise<void> {
    this.replacing ??= this.replaceNow()
    return this.replacing
  }

  /** What the lost one had not read yet is thrown away: all of which nothing was heard is sent again. */
  private async replaceNow(): Promise<void> {
    try {
      drainFifo(this.control)
      await start(this.directory, this.env)
      for (const path of this.sent.values()) this.send(path)
    } finally {
      // Whoever comes from here on sends for himself.
      this.replacing = undefined
    }
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() as string
    for (const line of lines) {
      const [verb, id = '', number] = line.split(' ')
      this.sent.delete(id)
      if (verb === 'a') this.listener({ type: 'began', id, pid: Number(number) })
      else if (verb === 's') this.listener({ type: 'executing', id, pid: Number(number) })
      else if (verb === 'x') this.listener({ type: 'ended', id, code: Number(number) })
      else if (verb === 'f' && id === `${process.pid}-${this.batch}`) {
        this.ordered = false
        const made = fifoNames(id).filter((name) => existsSync(join(this.directory, 'pool', name)))
        this.fifos.push(...made)
        for (const waiter of this.waiting.splice(0)) waiter(made.length > 0)
      }
    }
  }
}

function fifoNames(batch: string): string[] {
  return Array.from({ length: FIFO_BATCH }, (_, i) => `${batch}-${i}`)
}

interface LauncherRecord {
  readonly pid: number
  readonly startTicks: string
}

function runs(directory: string): boolean {
  try {
    const record = readState<LauncherRecord>(join(directory, 'launcher.json'), ['pid', 'startTicks'])
    return record !== undefined && isAlive(record.pid, record.startTicks)
  } catch (error) {
    // Whichever one it spoke of is ended before another starts.
    if (error instanceof BrokenState) return false
    throw error
  }
}

async function start(directory: string, env: Readonly<Record<string, string>>): Promise<void> {
  const script = join(directory, 'ebb-launcher.sh')
  const words = [script, directory, String(FIFO_BATCH)]
  // One that nobody wrote down, because its node process was killed meanwhile: two would read each other's lines. Shims look the
  // same, being its forks, but lead no session.
  await killAll(() => {
    const found = lookForArguments(words)
    return { ...found, pids: found.pids.filter((pid) => processStat(pid)?.session === pid) }
  })
  writeWhole(script, SCRIPT)
  const child = launch('/bin/sh', words, {
    env,
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the launcher's shell ended with ${code}`)))
    child.stdout.once('data', () => resolve())
  })
  child.removeAllListeners('exit')
  child.on('error', () => {})
  child.stdout.destroy()
  child.unref()
  const stat = processStat(child.pid as number)
  writeState(join(directory, 'launcher.json'), { pid: child.pid, startTicks: stat?.startTicks ?? '' })
}
