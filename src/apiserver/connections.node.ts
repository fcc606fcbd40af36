/**
 * The book of connections: who may come in, who has to make room, and for how long something may stay as it is. A connection is
 * counted from its first byte to the close of its socket, whatever HTTP/1.1, HTTP/2 or TLS think of it meanwhile: nothing that a
 * peer sends, or leaves unsent, keeps a descriptor.
 */
import { readFileSync } from 'node:fs'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { UserInfo } from '../wire/exchange.ts'
import { standingOf } from './flow/levels.ts'
import { type AnyRequest, type AnyResponse, OpenRequest } from './open-request.node.ts'
import { ANONYMOUS } from './stages/authenticate.ts'

export interface ConnectionLimits {
  /**
   * Connections at once, and never more than half of the descriptors that this process may have. Then one that does nothing makes
   * room, strangers first; when all are busy the new one is closed.
   */
  readonly connections: number
  /** Of these, connections of one peer on which nobody has said who they are. Then the oldest that does nothing makes room. */
  readonly strangersPerPeer: number
  /** From the connection to the end of the TLS handshake, in ms; then it is closed, as below. */
  readonly handshakeMs: number
  /** From there to the first whole head of a request, as Kubernetes' ReadHeaderTimeout. */
  readonly firstRequestMs: number
  /** Without a request, as Kubernetes' IdleTimeout: keep-alive and HTTP/2 alike. */
  readonly idleMs: number
  /** While a reader takes nothing of what waits for it. */
  readonly stallMs: number
  /** From a request to the last byte of its answer, watches and other streams aside. */
  readonly answerMs: number
  /** From the last word of ours to the peer's end of the connection. */
  readonly lingerMs: number
  /** How often all of this is looked at, in ms. */
  readonly sweepMs: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 8_000,
  strangersPerPeer: 4_000,
  handshakeMs: 10_000,
  firstRequestMs: 32_000,
  idleMs: 90_000,
  stallMs: 60_000,
  answerMs: 180_000,
  lingerMs: 500,
  sweepMs: 2_000,
}

/** The limits of a server here, with some of its own. */
export function connectionLimits(own: Partial<ConnectionLimits> = {}): ConnectionLimits {
  const limits = { ...CONNECTION_LIMITS, ...own }
  const connections = Math.min(limits.connections, Math.floor(descriptorsMax() / 2))
  return { ...limits, connections, strangersPerPeer: Math.min(limits.strangersPerPeer, Math.ceil(connections / 2)) }
}

/** What the system lets this process have open; where it cannot be asked, nothing is said about it. */
function descriptorsMax(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft ? Number(soft) : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Silence after which the kernel asks whether the other side is still there, in ms. */
const KEEP_ALIVE_PROBE_MS = 30_000

/** Whose connection it is: strangers make room first, then users; administrators and parts of the system never do. */
type Rank = 'stranger' | 'user' | 'system'

export class Connection {
  /** The socket of the system, below TLS. */
  readonly socket: Socket
  /** Where it comes from: an address, or the name of a Unix socket. */
  readonly peer: string
  readonly requests = new Set<OpenRequest>()
  rank: Rank = 'stranger'
  /** Name of the user that was heard last. */
  owner = ''
  secured: TLSSocket | undefined
  session: ServerHttp2Session | undefined
  /** An upgraded connection: two sockets that are one, with rules of their own. */
  tunnel = false
  served = false
  /** When it last began to have nothing to do, in ms of `performance`. */
  quietSince = performance.now()
  /** Our last word is said. */
  ending = false
  private readonly introduced: (connection: Connection, user: UserInfo) => void

  constructor(socket: Socket, peer: string, introduced: (connection: Connection, user: UserInfo) => void) {
    this.socket = socket
    this.peer = peer
    this.introduced = introduced
  }

  identified(user: UserInfo): void {
    this.introduced(this, user)
  }

  /** A request has come. Until it is over the connection is busy. */
  begin(request: AnyRequest, response: AnyResponse): OpenRequest {
    const open = new OpenRequest(request, response, this)
    this.served = true
    this.requests.add(open)
    return open
  }

  over(open: OpenRequest): void {
    this.requests.delete(open)
    this.quietSince = performance.now()
  }

  /** Nothing is lost when it goes: no request, or only such as have not come yet. */
  get dispensable(): boolean {
    if (this.tunnel) return false
    for (const request of this.requests) if (!request.arriving) return false
    return true
  }

  /** Says goodbye, and waits a moment for the peer to take it; the socket goes in any case. */
  end(lingerMs: number): void {
    if (this.ending) return
    this.ending = true
    if (this.session && !this.session.closed) this.session.close()
    else (this.secured ?? this.socket).end()
    const timer = setTimeout(() => this.socket.destroy(), lingerMs)
    this.socket.once('close', () => clearTimeout(timer))
  }
}

export class Connections {
  closing = false
  readonly limits: ConnectionLimits
  private readonly all = new Set<Connection>()
  /** By peer, oldest first. */
  private readonly strangers = new Map<string, Set<Connection>>()
  private readonly bySocket = new WeakMap<object, Connection>()
  private readonly timer: NodeJS.Timeout

  constructor(limits: ConnectionLimits) {
    this.limits = limits
    this.timer = setInterval(() => this.sweep(performance.now()), limits.sweepMs)
  }

  get size(): number {
    return this.all.size
  }

  /** A new connection; undefined and destroyed when there is no room for it. */
  admit(socket: Socket, peer: string): Connection | undefined {
    socket.on('error', () => socket.destroy())
    if (this.closing || !this.makeRoom(peer)) {
      socket.destroy()
      return undefined
    }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
    const connection = new Connection(socket, peer, this.introduced)
    this.all.add(connection)
    const strangers = this.strangers.get(peer)
    if (strangers) strangers.add(connection)
    else this.strangers.set(peer, new Set([connection]))
    this.bySocket.set(socket, connection)
    socket.once('close', () => this.forget(connection))
    return connection
  }

  /** The connection below a TLS socket, from now on to be found by it too. */
  secured(socket: TLSSocket): Connection | undefined {
    const below = (socket as { _parent?: Socket })._parent
    const connection = below && this.bySocket.get(below)
    if (!connection) return undefined
    connection.secured = socket
    connection.quietSince = performance.now()
    this.bySocket.set(socket, connection)
    socket.on('error', (error) => {
      if (!isOldNews(error)) connection.end(this.limits.lingerMs)
    })
    return connection
  }

  /** The connection that an HTTP/2 session speaks on. Whatever ends the session ends the connection. */
  spoken(session: ServerHttp2Session, connection: Connection): void {
    connection.session = session
    this.bySocket.set(session, connection)
    session.on('error', () => session.destroy())
    session.once('close', () => connection.end(this.limits.lingerMs))
  }

  of(key: object): Connection | undefined {
    return this.bySocket.get(key)
  }

  private readonly introduced = (connection: Connection, user: UserInfo): void => {
    if (user.name === ANONYMOUS.name || connection.owner === user.name) return
    connection.owner = user.name
    this.leaveStrangers(connection)
    connection.rank = standingOf(user) === 'workload' ? 'user' : 'system'
  }

  private forget(connection: Connection): void {
    this.all.delete(connection)
    this.leaveStrangers(connection)
  }

  private leaveStrangers(connection: Connection): void {
    const { peer } = connection
    const strangers = this.strangers.get(peer)
    if (strangers?.delete(connection) && strangers.size === 0) this.strangers.delete(peer)
  }

  private makeRoom(peer: string): boolean {
    const { connections, strangersPerPeer } = this.limits
    const strangers = this.strangers.get(peer)
    if (strangers && strangers.size >= strangersPerPeer && !this.shed(strangers)) return false
    return this.all.size < connections || this.shed(this.leastNeeded())
  }

  /** Closes the first that nobody misses. False when all are needed. */
  private shed(connections: Iterable<Connection>): boolean {
    for (const connection of connections) {
      if (!connection.dispensable) continue
      this.forget(connection)
      connection.socket.destroy()
      return true
    }
    return false
  }

  /** Those that make room before others: strangers, else connections of the user who has most; oldest first. */
  private leastNeeded(): Iterable<Connection> {
    const counts = new Map<string, Connection[]>()
    for (const connection of this.all) {
      if (connection.rank === 'system' || !connection.dispensable) continue
      const key = connection.rank === 'stranger' ? '' : connection.owner
      const others = counts.get(key)
      if (others) others.push(connection)
      else counts.set(key, [connection])
    }
    return counts.get('') ?? [...counts.values()].sort((a, b) => b.length - a.length)[0] ?? []
  }

  private sweep(now: number): void {
    for (const connection of this.all) {
      if (connection.tunnel) continue
      for (const request of connection.requests) request.check(now, this.limits)
      if (connection.requests.size === 0 && now - connection.quietSince > this.patience(connection))
        connection.end(this.limits.lingerMs)
    }
  }

  private patience({ served, secured, session, peer }: Connection): number {
    // A session that has failed waits for its peer to hang up.
    if (session?.destroyed) return 0
    if (served) return this.limits.idleMs
    return secured || peer === PLAIN_PEER ? this.limits.firstRequestMs : this.limits.handshakeMs
  }

  /** Lets open requests end, but not for long. */
  async close(graceMs: number, ended: Promise<unknown>): Promise<void> {
    this.closing = true
    for (const connection of this.all)
      if (connection.requests.size === 0 && !connection.session && !connection.tunnel) connection.socket.destroy()
      else connection.session?.close()
    const timer = setTimeout(() => {
      for (const connection of this.all) connection.socket.destroy()
    }, graceMs)
    await ended
    clearTimeout(timer)
    clearInterval(this.timer)
  }
}

/**
 * OpenSSL remembers that a client certificate's signature was wrong, and says so at the next read, though nothing is wrong with
 * that. Who shows such a certificate is answered with 401.
 */
export function isOldNews(error: Error): boolean {
  const { library, code } = error as { library?: string; code?: string }
  return library === 'asn1 encoding routines' && code === 'ERR_SSL_EVP_LIB'
}

/** The peer of connections without TLS: the nodes of this machine. */
export const PLAIN_PEER = 'nodes'
