/**
 * The launcher: one small shell per node that starts containers on the node process's word. So starting a container costs the
 * node process a line on a FIFO instead of a spawn (which would block it for milliseconds), and containers are nobody's child
 * who could crash: they, their FIFOs and their exit codes outlive the node process, and the next one finds them again.
 *
 * In `directory`: `control` (commands in), `events` (what happened, out), `park` (where a shim waits to be released), `pool/`
 * (ready FIFOs), `launcher.json` (who runs). Events are lines: `a ID PID` shim began, `s ID PID` the program is about to be
 * executed, `x ID CODE` it ended, `f BATCH` FIFOs are ready.
 */
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type FifoReader, openFifoForWriting, readFifo } from './fifo.node.ts'
import { isAlive, processStat } from './proc.node.ts'

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
  [ -n "$file" ] && { ( . "$file" ) & }
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
  private waiting: (() => void)[] = []
  private rest = ''

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

  /** Sources the shell file at `path`, relative to the directory, in a process of its own. A launcher that was lost is replaced. */
  async run(path: string): Promise<void> {
    if (!runs(this.directory)) await start(this.directory, this.env)
    writeSync(this.control, `./${path}\n`)
  }

  /** Lets the launcher collect what has ended. */
  reap(): void {
    writeSync(this.control, '\n')
  }

  /** Moves a ready FIFO to `path`. */
  async fifo(path: string): Promise<void> {
    while (this.fifos.length === 0) {
      const ready = new Promise<void>((resolve) => this.waiting.push(resolve))
      await this.order()
      await ready
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
    const file = join('pool', `.order-${this.batch}`)
    const names = fifoNames(`${process.pid}-${this.batch}`).map((name) => `pool/${name}`)
    writeFileSync(
      join(this.directory, file),
      `mkfifo -m 622 ${names.join(' ')}; rm ${file}; echo "f ${process.pid}-${this.batch}" >&7\n`,
    )
    await this.run(file)
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() as string
    for (const line of lines) {
      const [verb, id = '', number] = line.split(' ')
      if (verb === 'a') this.listener({ type: 'began', id, pid: Number(number) })
      else if (verb === 's') this.listener({ type: 'executing', id, pid: Number(number) })
      else if (verb === 'x') this.listener({ type: 'ended', id, code: Number(number) })
      else if (verb === 'f' && id === `${process.pid}-${this.batch}`) {
        this.ordered = false
        this.fifos.push(...fifoNames(id))
        for (const waiter of this.waiting.splice(0)) waiter()
      }
    }
  }
}

function fifoNames(batch: string): string[] {
  return Array.from({ length: FIFO_BATCH }, (_, i) => `${batch}-${i}`)
}

function runs(directory: string): boolean {
  const file = join(directory, 'launcher.json')
  if (!existsSync(file)) return false
  const { pid, startTicks } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; startTicks: string }
  return isAlive(pid, startTicks)
}

async function start(directory: string, env: Readonly<Record<string, string>>): Promise<void> {
  const script = join(directory, 'ebb-launcher.sh')
  writeFileSync(script, SCRIPT, { mode: 0o600 })
  const child = spawn('/bin/sh', [script, directory, String(FIFO_BATCH)], {
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
  writeFileSync(join(directory, 'launcher.json'), JSON.stringify({ pid: child.pid, startTicks: stat?.startTicks }))
}
