/**
 * nftables of the network namespace that this process lives in, through one warm `nft -i` (a change costs about half a
 * millisecond there, a cold `nft -f -` ten times that).
 *
 * One line is one transaction. nft says nothing when it worked, so each line is followed by `describe ip saddr`, whose
 * answer does not need the kernel: text that comes before it is an error. Both streams of nft are one pipe, so that they
 * come in order. After an error, or when nft has died, the next change is a full replacement of the table in one
 * transaction, by `nft -f -` (a long line costs nft the square of its length).
 */
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { launch } from '../base/child.node.ts'
import type { Dataplane } from './dataplane.ts'
import type { ProxyPlan } from './plan.ts'
import { diffCommands, fullCommands, type NftConfig, type RuleSet, renderRules, TABLE } from './render-nft.ts'

/** A change longer than this many commands goes through `nft -f -` too: there a transaction costs linear time. */
const WARM_COMMANDS_MAX = 200
/** An nft that has not answered by then is taken for dead, in ms. */
const ANSWER_TIMEOUT_MS = 5_000
const ACKNOWLEDGE = 'describe ip saddr'
const ACKNOWLEDGEMENT = /payload expression, datatype ipv4_addr[^\n]*\n$/

class NftError extends Error {
  override readonly name = 'NftError'
}

export interface NftOptions extends NftConfig {
  /** Told of what was tried again and of what stays imperfect. */
  readonly log?: (message: string) => void
}

export class NftDataplane implements Dataplane {
  readonly degraded: readonly string[] = []
  private readonly options: NftOptions
  private warm: WarmNft | undefined
  /** What is in the kernel, when that is known. */
  private applied: RuleSet | undefined
  private plan: ProxyPlan = new Map()

  private constructor(options: NftOptions) {
    this.options = options
  }

  /** Rejects with NftError when this process may not write nftables here, saying why. */
  static async open(options: NftOptions): Promise<NftDataplane> {
    const dataplane = new NftDataplane(options)
    const rules = renderRules(new Map(), options)
    try {
      await dataplane.warmUp().transaction(fullCommands(rules))
    } catch (error) {
      dataplane.warm?.close()
      throw error
    }
    await routeInsteadOfBridging().catch((error: Error) =>
      options.log?.(`a pod may not reach itself by its Service: ${error.message}`),
    )
    dataplane.applied = rules
    return dataplane
  }

  async apply(plan: ProxyPlan): Promise<void> {
    const rules = renderRules(plan, this.options)
    const before = this.applied
    this.applied = undefined
    const commands = before && diffCommands(before, rules)
    if (!commands || commands.length > WARM_COMMANDS_MAX) await replaceTable(rules)
    else if (commands.length > 0) await this.change(commands, rules)
    this.applied = rules
    const gone = removedUdpRoutes(this.plan, plan)
    this.plan = plan
    if (gone.length > 0) await this.forgetUdp(gone)
  }

  /** UDP has no end of a connection: conntrack would send a client's next datagrams to the removed backend still. [PA4] */
  private async forgetUdp(gone: readonly UdpRoute[]): Promise<void> {
    if (await runs('conntrack', ['--version'])) {
      await Promise.all(
        // conntrack answers 1 when there was nothing to delete.
        gone.map(({ to, backend }) => runs('conntrack', ['-D', '-p', 'udp', ...to, '--reply-src', backend])),
      )
      return
    }
    const backends = [...new Set(gone.map(({ backend }) => backend))].join(', ')
    this.options.log?.(
      `UDP clients that keep sending from one port stay with removed endpoints (${backends}) until they pause for 30 s, 120 s for streams: the program conntrack is missing (Debian package conntrack)`,
    )
  }

  private async change(commands: readonly string[], rules: RuleSet): Promise<void> {
    try {
      await this.warmUp().transaction(commands)
    } catch (error) {
      this.options.log?.(`replacing all nftables rules, because a change failed: ${(error as Error).message}`)
      this.warm?.close()
      this.warm = undefined
      await replaceTable(rules)
    }
  }

  private warmUp(): WarmNft {
    this.warm ??= new WarmNft()
    return this.warm
  }

  async close(): Promise<void> {
    this.warm?.close()
    this.warm = undefined
    this.applied = undefined
    await nft(`add table ${TABLE}\ndelete table ${TABLE}\n`)
  }

  /** The warm nft's process id, for tests that kill it. */
  get warmPid(): number | undefined {
    return this.warm?.pid
  }
}

/**
 * Where the module br_netfilter is loaded, a pod's packets meet our rules on the bridge already, and what is redirected to the
 * pod they came from would have to leave by the port it came in by, which a bridge refuses. Off, for this namespace alone.
 */
async function routeInsteadOfBridging(): Promise<void> {
  const file = '/proc/sys/net/bridge/bridge-nf-call-iptables'
  if (existsSync(file)) await writeFile(file, '0\n')
}

function replaceTable(rules: RuleSet): Promise<void> {
  return nft(`${fullCommands(rules).join('\n')}\n`)
}

/** One transaction through a cold nft. */
function nft(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile('nft', ['-f', '-'], { timeout: ANSWER_TIMEOUT_MS * 4 }, (error, _, stderr) => {
      if (!error) return resolve()
      reject(new NftError(stderr.trim() || error.message, { cause: error }))
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(text)
  })
}

/** One transaction at a time; the caller waits for the answer before the next. */
class WarmNft {
  private readonly child: ChildProcessWithoutNullStreams
  private output = ''
  private waiting: { settle: (error: Error | undefined) => void; timer: NodeJS.Timeout } | undefined
  private dead: Error | undefined

  constructor() {
    // The shell makes both of nft's streams one pipe, so that an error comes before the acknowledgement after it.
    this.child = launch('sh', ['-c', 'exec nft -i 2>&1'], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdout.setEncoding('utf8')
    this.child.stdout.on('data', (text: string) => this.read(text))
    this.child.stdin.on('error', () => {})
    this.child.on('error', (error) => this.die(error))
    this.child.on('exit', (code, signal) =>
      this.die(new NftError(`nft ended (${signal ?? code}): ${this.output.trim()}`)),
    )
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  transaction(commands: readonly string[]): Promise<void> {
    if (this.dead) return Promise.reject(this.dead)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.die(new NftError('nft does not answer')), ANSWER_TIMEOUT_MS)
      this.waiting = { timer, settle: (error) => (error ? reject(error) : resolve()) }
      this.child.stdin.write(`${commands.join('; ')}\n${ACKNOWLEDGE}\n`)
    })
  }

  close(): void {
    this.dead ??= new NftError('closed')
    this.child.stdin.end()
    this.child.kill('SIGKILL')
  }

  private read(text: string): void {
    this.output += text
    if (!ACKNOWLEDGEMENT.test(this.output)) return
    const said = this.output.replace(ACKNOWLEDGEMENT, '').trim()
    this.output = ''
    this.settle(said ? new NftError(said) : undefined)
  }

  private die(error: Error): void {
    this.dead ??= error
    this.settle(error)
  }

  private settle(error: Error | undefined): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (!waiting) return
    clearTimeout(waiting.timer)
    waiting.settle(error)
  }
}

interface UdpRoute {
  /** What clients sent to, as the conntrack tool wants it. */
  readonly to: readonly [option: string, value: string]
  readonly backend: string
}

function removedUdpRoutes(before: ProxyPlan, after: ProxyPlan): readonly UdpRoute[] {
  const removed: UdpRoute[] = []
  for (const [key, old] of before) {
    if (old.protocol !== 'UDP') continue
    const left = new Set(after.get(key)?.any.backends.map(({ ip }) => ip))
    for (const { ip } of old.any.backends) {
      if (left.has(ip)) continue
      for (const address of [...old.clusterIPs, ...old.externalIPs])
        removed.push({ to: ['--orig-dst', address], backend: ip })
      if (old.nodePort) removed.push({ to: ['--orig-port-dst', `${old.nodePort}`], backend: ip })
    }
  }
  return removed
}

function runs(file: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: ANSWER_TIMEOUT_MS }, (error) => resolve(!error))
  })
}
