/** A person's terminal in a test: commands run by bash in an empty folder, with the real kubectl set up for one cluster. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubectlPath } from '../tools/kubectl.mjs'

export interface Ran {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
  /** stdout and stderr, as they came. */
  readonly all: string
}

export interface Going {
  /** Resolves to the output so far once it fits, or there will be no more. One at a time may wait. */
  shown(pattern: RegExp): Promise<string>
  readonly ended: Promise<Ran>
  /** Kills it with everything it started. */
  stop(): void
}

/** A command still running after this long (ms) is killed with everything it started. */
const COMMAND_WITHIN_MS = 90_000

export class Shell {
  readonly folder: string
  /** Every command line that was run, for checks of what a test covers. */
  readonly history = new Set<string>()
  private readonly running = new Set<number>()

  constructor(kubeconfig: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'ebb-shell-'))
    this.write('kubectl', `#!/bin/sh\nexec "${kubectlPath()}" --kubeconfig "${kubeconfig}" "$@"\n`)
    chmodSync(join(this.folder, 'kubectl'), 0o755)
    process.once('exit', this.close)
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    return path
  }

  run(command: string, stdin = ''): Promise<Ran> {
    return this.start(command, stdin).ended
  }

  /** Like `run`, for what goes on. */
  start(command: string, stdin = ''): Going {
    this.history.add(command)
    let stop: () => void = () => {}
    let look: () => void = () => {}
    const parts = { stdout: '', stderr: '', all: '' }
    let over = false
    const shown = async (pattern: RegExp) => {
      while (!over && !pattern.test(parts.all)) await new Promise<void>((resolve) => (look = resolve))
      return parts.all
    }
    const ended = new Promise<Ran>((resolve) => {
      const child = spawn('bash', ['-c', command], {
        cwd: this.folder,
        env: {
          ...process.env,
          PATH: `${this.folder}:${process.env.PATH}`,
          KUBECONFIG: '/dev/null',
          TZ: 'UTC',
          LANG: 'C.UTF-8',
        },
        detached: true,
      })
      const pid = child.pid as number
      this.running.add(pid)
      stop = () => this.kill(pid)
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', (text: string) => {
          parts[name] += text
          parts.all += text
          look()
        })
      const timer = setTimeout(() => this.kill(pid), COMMAND_WITHIN_MS)
      child.on('close', (code, signal) => {
        clearTimeout(timer)
        this.running.delete(pid)
        over = true
        look()
        resolve({ code: code ?? signal ?? 'unknown', ...parts })
      })
      child.stdin.on('error', () => {})
      child.stdin.end(stdin)
    })
    return { shown, ended, stop }
  }

  /** Like `run`, and throws when the command fails. */
  async ok(command: string, stdin = ''): Promise<string> {
    const ran = await this.run(command, stdin)
    if (ran.code !== 0) throw new Error(`${command}\nexit code ${ran.code}\n${ran.all}`)
    return ran.stdout
  }

  apply(manifest: string): Promise<string> {
    return this.ok('kubectl apply -f -', manifest)
  }

  /** Runs a command again until its output fits; the last output is in the error. Looks every 100 ms, up to `seconds`. */
  async until(command: string, fits: (ran: Ran) => boolean, seconds = 20): Promise<Ran> {
    const deadline = performance.now() + seconds * 1000
    for (;;) {
      const ran = await this.start(command).ended
      if (fits(ran)) return ran
      if (performance.now() > deadline) throw new Error(`after ${seconds} s: ${command}\n${ran.all}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  private kill(pid: number): void {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It is gone.
    }
  }

  /** Also when the tests are broken off. */
  readonly close = (): void => {
    process.off('exit', this.close)
    for (const pid of this.running) this.kill(pid)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
