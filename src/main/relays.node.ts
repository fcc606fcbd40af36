/**
 * Addresses on the host that reach Services and pods of the cluster (`ebb url`): one for each target, for as long as somebody uses
 * it and what it leads to is there.
 */
import type { Socket } from 'node:net'
import type { KubernetesObject } from '../api/object.ts'
import { isTerminalPhase } from '../api/pod-phase.ts'
import { badRequest, failure, tooManyRequests } from '../api/status.ts'
import type { RunningRelay } from '../proxy/relay.node.ts'
import type { Registry } from '../registry/registry.ts'

/** Relays at once. For one more that which was used longest ago is closed; when all have connections the answer is 429. */
const RELAYS_MAX = 64
/** A relay without a connection for so long, in ms, is closed. */
const RELAY_IDLE_MS = 3_600_000
/** How often it is looked which relays have to go, in ms. */
const SWEEP_MS = 10_000
/** When those come again for whom there was none. */
const RETRY_AFTER_SECONDS = 60

export interface RelayLimits {
  readonly relays: number
  readonly idleMs: number
  readonly sweepMs: number
}

export interface RelaysOptions {
  readonly registry: Registry
  /** Listens on the host; `admit` is told of each connection, and false refuses it. */
  listen(target: string, admit: (socket: Socket) => boolean): Promise<RunningRelay>
  readonly limits?: Partial<RelayLimits>
}

interface Relay {
  readonly target: string
  readonly running: RunningRelay
  /** Whether what it leads to is still there. */
  owned(): boolean
  connections: number
  /** In ms of `performance`. */
  usedAt: number
}

export class Relays {
  private readonly options: RelaysOptions
  private readonly limits: RelayLimits
  private readonly open = new Map<string, Relay>()
  private readonly opening = new Map<string, Promise<Relay>>()
  private readonly timer: NodeJS.Timeout

  constructor(options: RelaysOptions) {
    this.options = options
    this.limits = { relays: RELAYS_MAX, idleMs: RELAY_IDLE_MS, sweepMs: SWEEP_MS, ...options.limits }
    this.timer = setInterval(() => this.sweep(), this.limits.sweepMs)
  }

  get size(): number {
    return this.open.size
  }

  /** `host:port` that leads to the target, an address of a Service or pod with a port. Throws ApiError 400, 404 and 429. */
  async address(target: string): Promise<string> {
    const owned = ownerOf(this.options.registry, target)
    const known = this.open.get(target)
    if (known?.owned()) {
      known.usedAt = performance.now()
      return hostPort(known.running)
    }
    let opening = this.opening.get(target)
    if (!opening) {
      opening = this.listen(target, owned).finally(() => this.opening.delete(target))
      this.opening.set(target, opening)
    }
    return hostPort((await opening).running)
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await Promise.allSettled(this.opening.values())
    await Promise.all([...this.open.values()].map((relay) => this.end(relay)))
  }

  private async listen(target: string, owned: () => boolean): Promise<Relay> {
    await this.makeRoom(target)
    let relay: Relay | undefined
    const running = await this.options.listen(target, (socket) => relay !== undefined && this.admit(relay, socket))
    relay = { target, running, owned, connections: 0, usedAt: performance.now() }
    this.open.set(target, relay)
    return relay
  }

  private admit(relay: Relay, socket: Socket): boolean {
    if (!relay.owned()) {
      void this.end(relay)
      return false
    }
    relay.connections++
    socket.once('close', () => {
      relay.connections--
      relay.usedAt = performance.now()
    })
    return true
  }

  private async makeRoom(target: string): Promise<void> {
    const before = this.open.get(target)
    if (before) await this.end(before)
    if (this.open.size + this.opening.size < this.limits.relays) return
    const idle = [...this.open.values()].filter((relay) => relay.connections === 0).sort((a, b) => a.usedAt - b.usedAt)
    if (!idle[0])
      throw tooManyRequests(
        `there are ${this.limits.relays} addresses that lead into the cluster, and all are in use: end some of their connections`,
        RETRY_AFTER_SECONDS,
      )
    await this.end(idle[0])
  }

  private sweep(): void {
    const now = performance.now()
    for (const relay of this.open.values()) {
      const idle = relay.connections === 0 && now - relay.usedAt > this.limits.idleMs
      if (idle || !relay.owned()) void this.end(relay)
    }
  }

  private end(relay: Relay): Promise<void> {
    if (this.open.get(relay.target) === relay) this.open.delete(relay.target)
    return relay.running.close()
  }
}

const hostPort = ({ host, port }: RunningRelay) => `${host}:${port}`

interface ServiceLike extends KubernetesObject {
  readonly spec?: { readonly clusterIPs?: readonly string[]; readonly ports?: readonly { readonly port: number }[] }
}

interface PodLike extends KubernetesObject {
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip: string }[] }
}

/** What tells whether the Service or pod with that address is still there. Throws ApiError 400 and 404. */
function ownerOf(registry: Registry, target: string): () => boolean {
  const [, host = '', port = ''] = /^(?:\[?([\da-f.:]+)\]?):(\d{1,5})$/i.exec(target) ?? []
  if (!host) throw badRequest(`${JSON.stringify(target)} is not an address with a port, such as 10.96.0.7:80`)
  const all = (plural: string) => {
    const resource = registry.find('', 'v1', plural)
    return { resource, objects: resource ? registry.all(resource, '') : [] }
  }
  const services = all('services')
  const pods = all('pods')
  const isService = (object: ServiceLike) =>
    object.spec?.clusterIPs?.includes(host) === true && object.spec.ports?.some((p) => p.port === Number(port)) === true
  const isPod = (object: PodLike) =>
    object.status?.podIPs?.some(({ ip }) => ip === host) === true && !isTerminalPhase(object.status.phase)
  const service = services.objects.find(isService)
  const [resource, owner, holds] = service
    ? [services.resource, service, isService]
    : [pods.resource, pods.objects.find(isPod), isPod]
  if (!resource || !owner)
    throw failure(404, 'NotFound', `no Service of this cluster has the address ${target}, and no pod has ${host}`)
  const { namespace = '', name = '', uid } = owner.metadata
  return () => {
    const now = registry.peek(resource, namespace, name)?.object
    return now?.metadata.uid === uid && now !== undefined && holds(now)
  }
}
