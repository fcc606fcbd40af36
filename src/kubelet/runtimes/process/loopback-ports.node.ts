/**
 * Pods without network namespaces: each has an address of its own in 127.0.0.0/8 and a PORT that nobody else has. A program that
 * listens on its PORT is found at the pod's address and the ports that its manifest names:
 *
 *   127.93.0.2:8080 -> 127.0.0.1:PORT     as long as somebody listens on PORT
 *
 * A program that takes no notice of PORT and listens on 8080 of every address is found there too, by the kernel itself, as long as
 * it is the only one of its kind: so nothing is forwarded before somebody listens on PORT.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../../../base/clock.ts'
import { seen, unlessShort } from './proc.node.ts'

/** How often it is looked whether programs listen, in ms. */
const LOOK_MS = 50
/** Second octets of pod addresses: 64 to 191, by fabric, so that two ebbs side by side rarely meet. */
const OCTET_FIRST = 64
const OCTETS = 128

interface Pod {
  readonly ip: string
  readonly port: number
  readonly ports: readonly number[]
  servers: Server[] | undefined
}

/** Addresses of pods on the loopback; where only 127.0.0.1 is local (not on Linux), all pods share it. */
export function loopbackAddress(fabricId: string, nodeIndex: number, slot: number): string {
  if (process.platform !== 'linux') return '127.0.0.1'
  const octet = OCTET_FIRST + (Number.parseInt(fabricId.slice(-6), 16) % OCTETS || 0)
  return `127.${octet}.${nodeIndex}.${slot + 2}`
}

export class LoopbackPorts {
  private readonly clock: Clock
  private readonly pods = new Map<string, Pod>()
  private readonly sockets = new Set<Socket>()
  private timer: Timer | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Leads `ports` of the pod's address to its PORT from the moment that somebody listens there. */
  add(id: string, pod: { readonly ip: string; readonly port: number; readonly ports: readonly number[] }): void {
    const ports = pod.ports.filter((port) => port !== pod.port)
    if (pod.ip === '127.0.0.1' || ports.length === 0) return
    this.pods.set(id, { ip: pod.ip, port: pod.port, ports, servers: undefined })
    this.timer ??= this.clock.setTimer(LOOK_MS, () => this.look())
  }

  /** New connections are refused from now on; existing ones end with the program. */
  remove(id: string): void {
    const pod = this.pods.get(id)
    this.pods.delete(id)
    if (pod) withdraw(pod)
  }

  close(): void {
    this.timer?.cancel()
    for (const pod of this.pods.values()) withdraw(pod)
    this.pods.clear()
    for (const socket of this.sockets) socket.destroy()
  }

  private look(): void {
    this.timer = undefined
    if (this.pods.size === 0) return
    const listening = unlessShort<ReadonlySet<number> | undefined>(listeningPorts, undefined)
    // What cannot be seen just now stays as it is.
    for (const pod of listening ? this.pods.values() : []) {
      const listens = listening?.has(pod.port)
      if (listens && !pod.servers) pod.servers = pod.ports.map((port) => this.forward(pod, port))
      else if (!listens && pod.servers) withdraw(pod)
    }
    this.timer = this.clock.setTimer(LOOK_MS, () => this.look())
  }

  private forward(pod: Pod, port: number): Server {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (inward) => {
      const outward = connect({ host: '127.0.0.1', port: pod.port, allowHalfOpen: true, noDelay: true })
      this.join(inward, outward)
      this.join(outward, inward)
    })
    // Somebody listens there already: the program itself, on every address. Then nothing needs to be led.
    server.on('error', () => {})
    server.listen(port, pod.ip)
    return server
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from)
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => {
      this.sockets.delete(from)
      to.destroySoon()
    })
    from.pipe(to)
  }
}

function withdraw(pod: Pod): void {
  for (const server of pod.servers ?? []) server.close()
  pod.servers = undefined
}

/**
 * TCP ports on which somebody listens, at whatever address. From /proc: nobody is bothered with a connection. Throws when this
 * process is too short of descriptors to see.
 */
function listeningPorts(): Set<number> {
  const ports = new Set<number>()
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const line of seen(() => readFileSync(file, 'utf8'), '').split('\n')) {
      const [, local = '', , state] = line.trim().split(/\s+/)
      if (state === '0A') ports.add(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16))
    }
  return ports
}
