/**
 * The pod network of one node, inside the node's own network namespace: a bridge, and for each pod a network namespace with a
 * veth, an address and a route. All through one warm `ip -force -batch -` process; ready namespaces wait in a pool.
 *
 * A pod's address is a /32 and its only neighbour is the bridge, so that packets between pods of one node are routed, not
 * bridged: answers to a translated Service address come back through the node and are translated back, without masquerade.
 */
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch } from '../../../base/child.node.ts'
import { POD_SLOTS_MAX, podNetwork } from './world.ts'

/** Namespaces kept ready. */
const POOL_SIZE = 6
const BRIDGE = 'cbr0'
/** Names of links, in base 36 and few enough for the kernel's 15 characters. */
const LINK_NAMES = 36 ** 8

export interface PodAddress {
  /** Name of the network namespace, below /run/netns. */
  readonly netns: string
  readonly ip: string
  readonly slot: number
}

export class PodNetwork {
  private readonly nodeIndex: number
  private readonly scratch: string
  private readonly ip: WarmIp
  private readonly used = new Set<number>()
  private readonly releasing = new Map<number, Promise<void>>()
  private readonly pool: PodAddress[] = []
  private filling: Promise<void> | undefined
  private next = 0
  /** A removed namespace's link lives on a little: names are never used twice. */
  private links = randomInt(LINK_NAMES)
  private closed = false

  private constructor(nodeIndex: number, scratch: string) {
    this.nodeIndex = nodeIndex
    this.scratch = scratch
    this.ip = new WarmIp()
  }

  /**
   * Must run in the node's network namespace. `keep` names the namespaces of sandboxes that live; others left by an earlier
   * node process go. Throws when the bridge cannot be made.
   */
  static async open(nodeIndex: number, directory: string, keep: readonly PodAddress[]): Promise<PodNetwork> {
    mkdirSync(directory, { recursive: true })
    const network = new PodNetwork(nodeIndex, directory)
    for (const address of keep) network.used.add(address.slot)
    await network.prepare(new Set(keep.map((address) => address.netns)))
    network.fill()
    return network
  }

  get gateway(): string {
    return podNetwork(this.nodeIndex).gateway
  }

  /** A ready namespace; at once when one is in the pool. Throws when every address is taken. */
  async take(): Promise<PodAddress> {
    while (this.pool.length === 0) {
      this.fill()
      await this.filling
      if (this.closed) throw new Error('the pod network is closed')
    }
    const address = this.pool.shift() as PodAddress
    this.fill()
    return address
  }

  /** Gives the namespace and its address back; processes in it must have ended. Again, for one that is on its way: the same. */
  release({ slot, netns }: PodAddress): Promise<void> {
    const under = this.releasing.get(slot)
    if (under || !this.used.has(slot)) return under ?? Promise.resolve()
    const released = this.ip
      .run([`netns del ${netns}`])
      .catch((error: unknown) => {
        // One that an earlier node process has removed, and did not live to write down.
        if (existsSync(join('/run/netns', netns))) throw error
      })
      .then(() => void this.used.delete(slot))
      .finally(() => this.releasing.delete(slot))
    this.releasing.set(slot, released)
    return released
  }

  async close(): Promise<void> {
    this.closed = true
    await this.filling?.catch(() => {})
    await this.ip.close()
  }

  private async prepare(keep: ReadonlySet<string>): Promise<void> {
    const { gateway } = podNetwork(this.nodeIndex)
    await this.ip.run(
      [
        'link set lo up',
        // With an address of its own: else it takes that of one of its ports, and when that pod ends, others send into the void.
        `link add ${BRIDGE} address ${linkAddress(gateway)} type bridge`,
        `addr add ${gateway}/24 dev ${BRIDGE}`,
        `link set ${BRIDGE} up`,
      ],
      { existing: true },
    )
    for (const [name, value] of [
      ['ip_forward', 1],
      ['ip_unprivileged_port_start', 0],
      ['conf/all/send_redirects', 0],
      [`conf/${BRIDGE}/send_redirects`, 0],
    ] as const)
      writeFileSync(`/proc/sys/net/ipv4/${name}`, `${value}\n`)
    const left = readdirSync('/run/netns').filter(
      (name) => name.startsWith(`pod-${this.nodeIndex}-`) && !keep.has(name),
    )
    if (left.length > 0) await this.ip.run(left.map((name) => `netns del ${name}`))
    this.next = (Math.max(-1, ...left.map((name) => Number(name.split('-')[2]))) + 1) % POD_SLOTS_MAX
  }

  private fill(): void {
    if (this.filling || this.closed) return
    this.filling = (async () => {
      while (this.pool.length < POOL_SIZE && !this.closed) {
        const slot = this.freeSlot()
        if (slot === undefined) {
          if (this.pool.length === 0) throw new Error(`all ${POD_SLOTS_MAX} pod addresses of this node are taken`)
          return
        }
        this.pool.push(await this.make(slot).catch((error: unknown) => this.unmake(slot, error)))
      }
    })().finally(() => {
      this.filling = undefined
    })
    this.filling.catch(() => {})
  }

  /** Half a namespace keeps no address taken. Throws `error`. */
  private async unmake(slot: number, error: unknown): Promise<never> {
    await this.ip.run([`netns del pod-${this.nodeIndex}-${slot}`]).catch(() => {})
    this.used.delete(slot)
    throw error
  }

  /** Addresses go round, so that one is not used again at once. */
  private freeSlot(): number | undefined {
    for (let tried = 0; tried < POD_SLOTS_MAX; tried++) {
      const slot = this.next
      this.next = (this.next + 1) % POD_SLOTS_MAX
      if (!this.used.has(slot)) return slot
    }
    return undefined
  }

  private async make(slot: number): Promise<PodAddress> {
    this.used.add(slot)
    const { gateway, address } = podNetwork(this.nodeIndex)
    const netns = `pod-${this.nodeIndex}-${slot}`
    this.links = (this.links + 1) % LINK_NAMES
    const link = `veth${this.links.toString(36)}`
    const inner = join(this.scratch, `slot-${slot}`)
    writeFileSync(inner, insideScript(address(slot), gateway))
    await this.ip.run([
      `netns add ${netns}`,
      `link add ${link} type veth peer name eth0 netns ${netns}`,
      `link set ${link} master ${BRIDGE} up`,
      `netns exec ${netns} sh ${inner}`,
    ])
    return { netns, ip: address(slot), slot }
  }
}

/**
 * What is set up inside a pod's namespace, as shell text. Low ports and ping are for everybody, as containerd leaves them: the
 * pod's root has no capability over a network that is the node's.
 */
function insideScript(ip: string, gateway: string): string {
  return `echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
{ echo 0 2147483647 || echo 0 0; } 2>/dev/null >/proc/sys/net/ipv4/ping_group_range
exec ip -batch - <<END
link set lo up
addr add ${ip}/32 dev eth0
link set eth0 up
route add ${gateway} dev eth0
route add default via ${gateway}
END
`
}

/** A locally administered link address made of an IPv4 address, as CNI plugins make theirs: 10.244.0.1 -> 0a:58:0a:f4:00:01. */
function linkAddress(ip: string): string {
  return ['0a', '58', ...ip.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':')
}

/** One `ip -force -batch -`, fed by lines; an answer to `link show dev lo` acknowledges all before it. */
class WarmIp {
  private child: ChildProcess | undefined
  private waiting: { resolve: () => void; reject: (error: Error) => void; existing: boolean }[] = []
  private errors = ''
  private out = ''

  async run(lines: readonly string[], options?: { existing: boolean }): Promise<void> {
    const child = this.start()
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject, existing: options?.existing ?? false })
      child.stdin?.write(`${lines.join('\n')}\nlink show dev lo\n`)
      // One that somebody stopped would never answer, and no pod would come or go any more.
      child.kill('SIGCONT')
    })
  }

  async close(): Promise<void> {
    const child = this.child
    if (!child) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.stdin?.end()
    await ended
  }

  private start(): ChildProcess {
    if (this.child) return this.child
    const child = launch('ip', ['-oneline', '-force', '-batch', '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.child = child
    const end = (error?: Error) => {
      this.child = undefined
      for (const waiter of this.waiting.splice(0)) waiter.reject(error ?? new Error(`ip ended: ${this.errors.trim()}`))
    }
    child.once('error', end)
    child.once('close', () => end())
    child.stdin.on('error', () => {})
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text
      const lines = this.out.split('\n')
      this.out = lines.pop() as string
      // The complaint about a line was written before the answer that acknowledges it, into the other pipe: look there first.
      setImmediate(() => this.acknowledge(lines.length))
    })
    return child
  }

  private acknowledge(count: number): void {
    for (const waiter of this.waiting.splice(0, count)) {
      const errors = this.errors
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('Command failed'))
        .filter((line) => !(waiter.existing && /File exists|already assigned/.test(line)))
      this.errors = ''
      if (errors.length > 0) waiter.reject(new Error(`ip: ${errors.join('; ')}`))
      else waiter.resolve()
    }
  }
}
