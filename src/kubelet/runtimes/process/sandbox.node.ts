/** One pod's sandbox: its address, its files, and the first process of its PID namespace when the containers share one. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { SandboxConfig, SandboxStatus } from '../../runtime.ts'
import type { IdentityScope } from './identity.ts'
import type { Launcher } from './launcher.node.ts'
import type { PodAddress, PodNetwork } from './network.node.ts'
import { hostsFile, resolvFile } from './pod-files.ts'
import { isAlive, killAll, processStat, sendSignal } from './proc.node.ts'
import type { Refuse } from './refuse.node.ts'
import { quote } from './shim.ts'
import { writeState } from './state-file.node.ts'

export interface SandboxRecord {
  readonly id: string
  readonly config: SandboxConfig
  readonly ip: string
  readonly port?: number
  readonly address?: PodAddress
  /** First process of the pod's PID namespace, as the node sees it. */
  readonly pause?: { readonly pid: number; readonly startTicks: string }
  readonly createdAtMs: number
  readonly state: 'ready' | 'notready'
}

export class Sandbox {
  readonly directory: string
  /** What its containers write outside of volumes and share: /dev/shm. */
  readonly scratch: string
  record: SandboxRecord

  constructor(directory: string, scratch: string, record: SandboxRecord) {
    this.directory = directory
    this.scratch = scratch
    this.record = record
  }

  status(): SandboxStatus {
    const { id, config, ip, port, createdAtMs, state } = this.record
    const { namespace, name, uid, attempt } = config
    const own = port === undefined ? {} : { port }
    return { id, config: { namespace, name, uid, attempt }, state, ip, ...own, createdAtMs }
  }

  /** Writes the pod's files and the record. Throws the system's error. */
  prepare(): void {
    const { config, ip } = this.record
    mkdirSync(this.directory, { recursive: true, mode: 0o755 })
    writeFileSync(join(this.directory, 'hosts'), hostsFile(config, ip, config.hostNetwork ? nodeHosts() : undefined))
    writeFileSync(join(this.directory, 'hostname'), `${config.hostname}\n`)
    const resolv = resolvFile(config.dns)
    if (resolv !== undefined) writeFileSync(join(this.directory, 'resolv.conf'), resolv)
    this.save()
  }

  /** Whose ids its containers have; as CRI says it, whether the pod has a user namespace of its own. */
  get scope(): IdentityScope {
    return this.record.config.userNamespace ?? 'node'
  }

  /**
   * The shell that stands as PID 1 of a shared PID namespace: it only waits, and so reaps what is orphaned. `enter` leads into
   * the user namespace that the containers share too.
   */
  pauseScript(enter: readonly string[], unshare: string): string {
    const body =
      'read -r self rest </proc/self/stat; echo "s $1 $self" >&7; exec 7>&-; trap "" TERM INT HUP; sleep infinity & wait'
    const words = [...enter, unshare, '--pid', '--fork', '--kill-child', '/bin/sh', '-c', body, 'pause', this.record.id]
    return `exec ${words.map(quote).join(' ')} </dev/null >/dev/null 2>&1\n`
  }

  paused(pid: number): void {
    this.record = { ...this.record, pause: { pid, startTicks: processStat(pid)?.startTicks ?? '' } }
    this.save()
  }

  /** Ends the shared PID namespace, and begins to give the address back: nobody waits for the network of a pod that has ended. */
  async stop(network: PodNetwork | undefined, launcher: Launcher): Promise<void> {
    const { pause, address } = this.record
    if (this.record.state === 'notready') return
    if (pause && isAlive(pause.pid, pause.startTicks)) {
      sendSignal(pause.pid, 'SIGKILL')
      await killAll(() => ({ pids: isAlive(pause.pid, pause.startTicks) ? [pause.pid] : [] }))
      launcher.reap()
    }
    this.record = { ...this.record, state: 'notready' }
    this.noteStopped()
    // What fails here is tried again with the removal.
    if (address) network?.release(address).catch(() => {})
  }

  /** Resolves when its network is gone too. The record goes last: what is found without it after a crash is nobody's. */
  async remove(network: PodNetwork | undefined, refuse: Refuse): Promise<void> {
    const { address } = this.record
    if (address) await network?.release(address)
    for (const folder of [this.scratch, this.directory]) await refuse.take(folder)
  }

  /** A full disk keeps no pod from ending: a node process that comes back stops it once more, which changes nothing. */
  private noteStopped(): void {
    try {
      this.save()
    } catch {
      // As above.
    }
  }

  private save(): void {
    writeState(join(this.directory, 'sandbox.json'), this.record)
  }
}

function nodeHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8')
  } catch {
    return ''
  }
}

/** A TCP port that nobody on the loopback listens on at the moment, and not one of `taken`. */
export async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    await new Promise((resolve) => server.close(resolve))
    if (typeof address === 'object' && address && !taken.has(address.port)) return address.port
  }
}
