/**
 * The network of virtual time: Services are carried by the rules that a real node would have, executed by the packet tracer's
 * model of nftables; requests go where those rules send them, and share the fate of the program that they meet.
 */
import { type Clock, sleep } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { SimulatedRuntime } from '../kubelet/runtimes/simulated.ts'
import type { Answer, HttpClient } from '../lab/load.ts'
import type { Dataplane } from '../proxy/dataplane.ts'
import type { ProxyPlan } from '../proxy/plan.ts'
import { diffCommands, fullCommands, type NftConfig, type RuleSet, renderRules } from '../proxy/render-nft.ts'
import { type Outcome, RuleModel, tracePacket } from '../proxy/trace-packet.ts'

/** Time that a change of the rules takes, in ms; measured on a real nft. */
const APPLY_MS = 1
/** From the client to a program and back, in ms, beside the work. */
const WAY_MS = 1

export class SimDataplane implements Dataplane {
  readonly degraded: readonly string[] = []
  private readonly clock: Clock
  private readonly config: NftConfig
  private readonly table = new RuleModel()
  private rules: RuleSet

  constructor(clock: Clock, config: NftConfig) {
    this.clock = clock
    this.config = config
    this.rules = renderRules(new Map(), config)
    this.table.execute(fullCommands(this.rules))
  }

  async apply(plan: ProxyPlan): Promise<void> {
    const next = renderRules(plan, this.config)
    const commands = diffCommands(this.rules, next)
    if (commands.length === 0) return
    await sleep(this.clock, APPLY_MS)
    this.table.execute(commands)
    this.rules = next
  }

  /** What becomes of a new TCP connection from the node to an address. */
  route(to: string, port: number, random: Random): Outcome {
    const packet = { from: '192.168.0.2', to, port, protocol: 'tcp', hook: 'output' } as const
    return tracePacket(this.table, packet, (choices) => random.int(choices))
  }

  async close(): Promise<void> {}
}

export interface SimHttpOptions {
  readonly clock: Clock
  readonly random: Random
  readonly runtime: SimulatedRuntime
  readonly dataplane: SimDataplane
  readonly host: string
  readonly port: number
  /** How long a program works on a request, in ms. */
  readonly workMs: number
}

/** Each request has a connection of its own. It is refused where nobody listens, and reset when its program exits under it. */
export function simHttpClient(options: SimHttpOptions): HttpClient {
  const { clock, random, runtime, dataplane, host, port, workMs } = options
  const send = async (): Promise<Answer> => {
    const end = dataplane.route(host, port, random)
    await sleep(clock, WAY_MS)
    if (end.outcome !== 'dnat') return { outcome: 'refused', reused: false }
    const listens = () => runtime.http(end.ip, end.port, '/') !== undefined
    if (!listens()) return { outcome: 'refused', reused: false }
    const exited = new AbortController()
    const stop = runtime.subscribe(({ type }) => {
      if (type === 'exited' && !listens()) exited.abort()
    })
    await sleep(clock, workMs, exited.signal)
    stop()
    return { outcome: exited.signal.aborted ? 'reset' : 'ok', reused: false }
  }
  return { send, close() {} }
}
