/**
 * The proxy in our own sockets, for machines where nftables is not to be had. Each service port gets a listener where that is
 * possible: on its cluster IP (which works when Services have addresses of 127.0.0.0/8 or the machine owns them), and on
 * 127.0.0.1 at its node port. A relay that dials through `dial` reaches every Service, listener or not.
 *
 * As with nftables: only new connections follow a changed plan, existing ones live on until somebody ends them; a Service
 * without backends has no listener, so the kernel refuses. Backends see the proxy's address, not the client's.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../base/random.ts'
import type { Dataplane } from './dataplane.ts'
import type { Backend, ProxyPlan, Route, ServicePort } from './plan.ts'
import { join } from './relay.node.ts'

/** A UDP client that said nothing for this long, in ms, is new again; the time of conntrack for one-way flows. */
const UDP_IDLE_MS = 30_000
/** UDP clients at a time on one service port; datagrams of more are dropped. */
const UDP_CLIENTS_MAX = 4_096
/** Clients remembered for affinity on one service port; the oldest is forgotten first. */
const STICKY_CLIENTS_MAX = 65_536

export interface UserspaceOptions {
  readonly random: Random
  readonly log?: (message: string) => void
}

export class UserspaceDataplane implements Dataplane {
  readonly degraded: readonly string[] = [
    'Services are carried by ebb itself instead of nftables: cluster IPs answer only where this machine has them, and pods see the proxy as their client.',
  ]
  private readonly options: UserspaceOptions
  private readonly choosers = new Map<string, Chooser>()
  private readonly fronts = new Map<string, Front>()
  private readonly unreachable = new Set<string>()

  constructor(options: UserspaceOptions) {
    this.options = options
  }

  async apply(plan: ProxyPlan): Promise<void> {
    const wanted = new Map<string, { chooser: Chooser; protocol: 'TCP' | 'UDP'; host: string; port: number }>()
    const named = new Set<string>()
    for (const port of plan.values())
      for (const { host, at, route } of addressesOf(port)) {
        const key = `${port.protocol} ${host}:${at}`
        if (named.has(key)) continue
        named.add(key)
        const chooser = this.choosers.get(key) ?? new Chooser(this.options.random)
        this.choosers.set(key, chooser)
        chooser.set(route, port.affinitySeconds)
        if (route.backends.length > 0) wanted.set(key, { chooser, protocol: port.protocol, host, port: at })
      }
    for (const key of this.choosers.keys()) if (!named.has(key)) this.choosers.delete(key)
    for (const [key, front] of this.fronts) {
      if (wanted.has(key)) continue
      this.fronts.delete(key)
      front.close()
    }
    for (const [key, front] of this.fronts) front.changed(wanted.get(key)?.chooser)
    await Promise.all([...wanted].map(([key, front]) => this.open(key, front)))
  }

  /** For relays: a Service's address leads to one of its backends, any other to itself. */
  readonly dial = (host: string, port: number): Socket => {
    const chooser = this.choosers.get(`TCP ${host}:${port}`)
    const to = chooser ? chooser.choose('relay') : { ip: host, port }
    // Port 0 of the loopback address refuses: a Service without backends.
    return connect({ host: to?.ip ?? '127.0.0.1', port: to?.port ?? 0, allowHalfOpen: true, noDelay: true })
  }

  /** What listens, e.g. `TCP 127.0.0.1:30080`. */
  get listening(): readonly string[] {
    return [...this.fronts.keys()].sort()
  }

  async close(): Promise<void> {
    for (const front of this.fronts.values()) front.cut()
    this.fronts.clear()
    this.choosers.clear()
  }

  private async open(
    key: string,
    { chooser, protocol, host, port }: { chooser: Chooser; protocol: 'TCP' | 'UDP'; host: string; port: number },
  ): Promise<void> {
    if (this.fronts.has(key)) return
    const front = protocol === 'TCP' ? new TcpFront(chooser) : new UdpFront(chooser)
    try {
      await front.listen(host, port)
      this.fronts.set(key, front)
      this.unreachable.delete(key)
    } catch (error) {
      // A cluster IP that this machine doesn't own is the rule here, and said once in `degraded`.
      const { code } = error as NodeJS.ErrnoException
      if (this.unreachable.has(key) || code === 'EADDRNOTAVAIL') return
      this.unreachable.add(key)
      this.options.log?.(`${key} has no listener here: ${(error as Error).message}`)
    }
  }
}

function addressesOf(port: ServicePort): { host: string; at: number; route: Route }[] {
  return [
    ...port.clusterIPs.map((host) => ({ host, at: port.port, route: port.cluster })),
    ...port.externalIPs.map((host) => ({ host, at: port.port, route: port.external })),
    ...(port.nodePort ? [{ host: '127.0.0.1', at: port.nodePort, route: port.external }] : []),
  ]
}

/** Picks a backend for a new connection. */
class Chooser {
  private readonly random: Random
  private backends: readonly Backend[] = []
  private affinityMs: number | undefined
  private readonly sticky = new Map<string, { backend: Backend; until: number }>()

  constructor(random: Random) {
    this.random = random
  }

  set(route: Route, affinitySeconds: number | undefined): void {
    this.backends = route.backends
    this.affinityMs = affinitySeconds === undefined ? undefined : affinitySeconds * 1000
    for (const [client, { backend }] of this.sticky)
      if (affinitySeconds === undefined || !this.has(backend)) this.sticky.delete(client)
  }

  has(backend: Backend): boolean {
    return this.backends.some(({ ip, port }) => ip === backend.ip && port === backend.port)
  }

  choose(client: string): Backend | undefined {
    const now = performance.now()
    const known = this.affinityMs === undefined ? undefined : this.sticky.get(client)
    const backend = known && known.until > now ? known.backend : this.backends[this.random.int(this.backends.length)]
    if (!backend || this.affinityMs === undefined) return backend
    this.sticky.delete(client)
    this.sticky.set(client, { backend, until: now + this.affinityMs })
    for (const oldest of this.sticky.keys()) {
      if (this.sticky.size <= STICKY_CLIENTS_MAX) break
      this.sticky.delete(oldest)
    }
    return backend
  }
}

interface Front {
  listen(host: string, port: number): Promise<void>
  /** The backends are others now; undefined: there are none. */
  changed(chooser: Chooser | undefined): void
  /** No new clients; those who are connected go on. */
  close(): void
  cut(): void
}

class TcpFront implements Front {
  private readonly server: Server
  private readonly clients = new Set<Socket>()

  constructor(chooser: Chooser) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.clients.add(client)
      client.on('close', () => this.clients.delete(client))
      client.on('error', () => client.destroy())
      const to = chooser.choose(client.remoteAddress ?? '')
      if (!to) return client.resetAndDestroy()
      const server = connect({ host: to.ip, port: to.port, allowHalfOpen: true, noDelay: true })
      join(client, server)
    })
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject)
        this.server.on('error', () => {})
        resolve()
      })
    })
  }

  changed(): void {}

  close(): void {
    this.server.close()
  }

  cut(): void {
    this.server.close()
    for (const client of this.clients) client.destroy()
  }
}

interface UdpFlow {
  readonly upstream: UdpSocket
  readonly to: Backend
  readonly timer: NodeJS.Timeout
}

/** Each client gets a socket of its own towards its backend, so that answers find their way back. */
class UdpFront implements Front {
  private readonly chooser: Chooser
  private readonly socket = createSocket('udp4')
  private readonly flows = new Map<string, UdpFlow>()

  constructor(chooser: Chooser) {
    this.chooser = chooser
    this.socket.on('message', (message, { address, port }) => {
      const flow = this.flows.get(`${address}:${port}`) ?? this.begin(address, port)
      if (!flow) return
      flow.timer.refresh()
      flow.upstream.send(message, flow.to.port, flow.to.ip)
    })
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('error', reject)
      this.socket.bind(port, host, () => {
        this.socket.off('error', reject)
        this.socket.on('error', () => {})
        resolve()
      })
    })
  }

  /** A datagram that comes next may not go to a backend that went. */
  changed(chooser: Chooser | undefined): void {
    for (const [client, { to }] of this.flows) if (!chooser?.has(to)) this.end(client)
  }

  close(): void {
    for (const client of [...this.flows.keys()]) this.end(client)
    this.socket.close()
  }

  cut(): void {
    this.close()
  }

  private begin(address: string, port: number): UdpFlow | undefined {
    const client = `${address}:${port}`
    const to = this.flows.size < UDP_CLIENTS_MAX ? this.chooser.choose(address) : undefined
    if (!to) return undefined
    const upstream = createSocket('udp4')
    upstream.on('error', () => this.end(client))
    upstream.on('message', (answer, from) => {
      if (from.address === to.ip && from.port === to.port) this.socket.send(answer, port, address)
    })
    const flow: UdpFlow = { upstream, to, timer: setTimeout(() => this.end(client), UDP_IDLE_MS) }
    this.flows.set(client, flow)
    return flow
  }

  private end(client: string): void {
    const flow = this.flows.get(client)
    if (!flow) return
    this.flows.delete(client)
    clearTimeout(flow.timer)
    flow.upstream.close()
  }
}
