/**
 * On a real kernel. This file runs twice: outside, where it starts itself again inside user and network namespaces of its
 * own, and inside, where the tests are. What the namespace holds goes with it.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NftDataplane } from './apply-nft.node.ts'
import { planAll } from './plan.ts'
import { type SampleEndpoint, type SampleService, service, slice } from './samples.ts'

const inside = process.env.EBB_TEST_NETNS === '1'
const unshare = process.getuid?.() === 0 ? ['--net', '--mount'] : ['--user', '--map-root-user', '--net', '--mount']
/** Not skipped, but run in the other world. */
const elsewhere = (_name: string, _tests: () => void): void => {}
const [outside, within] = inside ? [elsewhere, describe] : [describe, elsewhere]
const noConntrack = spawnSync('conntrack', ['--version']).error ? ' (skipped: the program conntrack is missing)' : ''
const impossible = inside ? '' : whyNot()

function whyNot(): string {
  const probe = spawnSync('unshare', [...unshare, 'nft', 'list', 'ruleset'], { encoding: 'utf8' })
  if (probe.error) return `cannot run unshare: ${probe.error.message}`
  return probe.status === 0 ? '' : `no nftables in a network namespace of our own: ${probe.stderr.trim()}`
}

outside('nftables on a real kernel', () => {
  it.skipIf(impossible !== '')(
    `in a namespace of its own${impossible ? ` (skipped: ${impossible})` : ''}`,
    () => {
      const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
      const run = spawnSync(
        'unshare',
        [...unshare, process.execPath, vitest, 'run', '--project', 'unit', 'src/proxy/apply-nft.test.ts'],
        {
          encoding: 'utf8',
          cwd: fileURLToPath(new URL('../..', import.meta.url)),
          env: { ...process.env, EBB_TEST_NETNS: '1', NO_COLOR: '1' },
        },
      )
      expect(run.status, `${run.stdout}\n${run.stderr}`).toBe(0)
      expect(run.stdout).toMatch(/Tests +[1-9]\d* passed/)
    },
    60_000,
  )
})

within('nftables, inside', () => {
  let dataplane: NftDataplane
  let ends: (() => unknown)[] = []

  beforeEach(async () => {
    execFileSync('sh', [
      '-c',
      `ip link set lo up
       for a in 10.244.0.1 10.244.0.5 10.244.0.6 192.168.1.10; do ip addr replace $a/32 dev lo; done
       ip route replace 10.96.0.0/16 dev lo src 10.244.0.1`,
    ])
    dataplane = await NftDataplane.open({
      serviceCIDR: '10.96.0.0/16',
      clusterCIDR: '10.244.0.0/16',
      podCIDR: '10.244.0.0/24',
    })
  })
  afterEach(async () => {
    for (const end of ends.reverse()) await end()
    ends = []
    await dataplane.close()
    expect(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' })).toBe('')
  })

  /** A backend that says its address and echoes. */
  async function backend(ip: string): Promise<void> {
    const server: Server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write(`${ip}\n`)
      socket.pipe(socket)
    })
    const sockets = new Set<Socket>()
    server.on('connection', (socket) => sockets.add(socket))
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(8080, ip, resolve))
    ends.push(() => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    })
  }

  const apply = (sample: SampleService, endpoints: readonly SampleEndpoint[]) =>
    dataplane.apply(planAll([service(sample)], [slice({ endpoints })], 'node-1'))

  function dial(host: string, port: number): { socket: Socket; next(): Promise<string> } {
    const socket = connect({ host, port })
    ends.push(() => socket.destroy())
    const next = () =>
      new Promise<string>((resolve) => {
        socket.once('data', (chunk) => resolve(String(chunk).trim()))
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
      })
    return { socket, next }
  }

  /** Who answers a new connection, or the error's code. */
  const reach = (host = '10.96.0.10', port = 80) => dial(host, port).next()

  async function reachMany(times: number): Promise<readonly string[]> {
    const seen = new Set<string>()
    for (let i = 0; i < times; i++) seen.add(await reach())
    return [...seen].sort()
  }

  const a = { ip: '10.244.0.5', node: 'node-1' }
  const b = { ip: '10.244.0.6', node: 'node-1' }

  it('[PN2] a Service is reached, and all of its backends are', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({}, [a, b])
    expect(await reachMany(40)).toEqual([a.ip, b.ip])
  })

  it('[PA1] after an endpoint went new connections go elsewhere and existing ones live on', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({}, [a])
    const old = dial('10.96.0.10', 80)
    expect(await old.next()).toBe(a.ip)
    await apply({}, [b])
    expect(await reachMany(20)).toEqual([b.ip])
    old.socket.write('still here\n')
    expect(await old.next()).toBe('still here')
    await dataplane.apply(new Map())
    old.socket.write('even now\n')
    expect(await old.next()).toBe('even now')
  })

  it('[PN4] without endpoints connections are refused at once, on the cluster IP and the node port', async () => {
    await apply({ nodePort: 30080 }, [])
    expect(await reach()).toBe('ECONNREFUSED')
    expect(await reach('192.168.1.10', 30080)).toBe('ECONNREFUSED')
    await backend(a.ip)
    await apply({ nodePort: 30080 }, [a])
    expect(await reach()).toBe(a.ip)
    expect(await reach('192.168.1.10', 30080)).toBe(a.ip)
    expect(await reach('10.96.0.10', 81)).toBe('ECONNREFUSED')
  })

  it('[PN3] with affinity a client stays with its backend', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({ sessionAffinity: 'ClientIP' }, [a, b])
    const [first] = await reachMany(15)
    expect(await reachMany(15)).toEqual([first])
    await apply({ sessionAffinity: 'ClientIP' }, first === a.ip ? [b] : [a])
    expect(await reachMany(5)).toEqual([first === a.ip ? b.ip : a.ip])
  })

  /** A backend that answers each datagram with its address. */
  async function udpBackend(ip: string): Promise<void> {
    const server = createSocket('udp4')
    server.on('message', (_, from) => server.send(ip, from.port, from.address))
    await new Promise<void>((resolve) => server.bind(8080, ip, resolve))
    ends.push(() => server.close())
  }

  const applyUdp = (...endpoints: readonly SampleEndpoint[]) => {
    const ports = [{ port: 53, protocol: 'UDP', nodePort: 30053 }]
    const slices = [slice({ endpoints, ports: [{ protocol: 'UDP', port: 8080 }] })]
    return dataplane.apply(planAll([service({ ports })], slices, 'node-1'))
  }

  /** Sends from one port, each time it is called, and gives the answer. */
  function udpClient(host: string, port: number): () => Promise<string> {
    const client = createSocket('udp4')
    ends.push(() => client.close())
    return () =>
      new Promise((resolve) => {
        client.once('message', (message) => resolve(String(message)))
        client.send('who', port, host)
      })
  }

  it('[PN2] UDP is carried too', async () => {
    await udpBackend(a.ip)
    await applyUdp(a)
    expect(await udpClient('10.96.0.10', 53)()).toBe(a.ip)
  })

  it.skipIf(noConntrack !== '')(
    `[PA4] a UDP client that keeps sending is led elsewhere when its backend goes${noConntrack}`,
    async () => {
      await udpBackend(a.ip)
      await udpBackend(b.ip)
      const clients = [udpClient('10.96.0.10', 53), udpClient('192.168.1.10', 30053)]
      await applyUdp(a)
      expect(await Promise.all(clients.map((ask) => ask()))).toEqual([a.ip, a.ip])
      await applyUdp(b)
      expect(await Promise.all(clients.map((ask) => ask()))).toEqual([b.ip, b.ip])
    },
  )

  it('[PA2] a killed nft is replaced and nothing is lost', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({}, [a])
    await apply({}, [b])
    process.kill(dataplane.warmPid ?? 0, 'SIGKILL')
    await apply({}, [a])
    expect(await reachMany(10)).toEqual([a.ip])
    await apply({}, [b])
    expect(await reachMany(10)).toEqual([b.ip])
  })

  it('[PA3] rules that somebody else took away are put back with the next change', async () => {
    await backend(a.ip)
    await apply({}, [b])
    execFileSync('nft', ['flush', 'ruleset'])
    await apply({}, [a])
    expect(await reach()).toBe(a.ip)
  })

  it('[PA1] many Services, changed again and again, end as the last plan says', async () => {
    const planWith = (ip: string, from: number) =>
      planAll(
        Array.from({ length: 300 }, (_, i) =>
          service({ name: `s${i + from}`, clusterIP: `10.96.${(i + from) >> 8}.${(i + from) & 255}` }),
        ),
        Array.from({ length: 300 }, (_, i) => slice({ service: `s${i + from}`, endpoints: [{ ip }] })),
        'node-1',
      )
    await backend(a.ip)
    await backend(b.ip)
    await dataplane.apply(planWith(a.ip, 0))
    expect(await reach('10.96.0.7')).toBe(a.ip)
    await dataplane.apply(planWith(b.ip, 20))
    expect(await reach('10.96.1.40')).toBe(b.ip)
    expect(execFileSync('nft', ['list', 'table', 'ip', 'ebb-proxy'], { encoding: 'utf8' })).not.toContain('s0/tcp')
  })

  describe('with pods in namespaces of their own', () => {
    beforeEach(() => {
      const pod = (name: string, ip: string) => `
        ip netns add ${name}
        ip link add v${name} type veth peer name eth0 netns ${name}
        ip link set v${name} master cbr up
        ip -n ${name} link set lo up
        ip -n ${name} addr add ${ip}/32 dev eth0
        ip -n ${name} link set eth0 up
        ip -n ${name} route add 10.244.0.1 dev eth0
        ip -n ${name} route add default via 10.244.0.1`
      execFileSync('sh', [
        '-ec',
        `mount -t tmpfs tmpfs /run; mkdir /run/netns
         for a in 10.244.0.1 10.244.0.5 10.244.0.6; do ip addr del $a/32 dev lo; done
         ip link add cbr type bridge; ip addr add 10.244.0.1/24 dev cbr; ip link set cbr up
         echo 1 >/proc/sys/net/ipv4/ip_forward
         ip route replace 10.96.0.0/16 dev cbr
         ${pod('a', a.ip)}
         ${pod('b', b.ip)}`,
      ])
    })
    afterEach(() => {
      execFileSync('sh', [
        '-ec',
        'ip link del va; ip link del vb; ip netns del a; ip netns del b; ip link del cbr; umount -l /run',
      ])
    })

    /** A server in pod a that says who called. */
    async function serveInA(): Promise<void> {
      const program = `require('node:net').createServer((s) => s.on('error', () => {}).end(s.remoteAddress))
        .listen(8080, '0.0.0.0', () => console.log('up'))`
      const child = spawn('ip', ['netns', 'exec', 'a', process.execPath, '-e', program])
      const exited = new Promise((resolve) => child.once('exit', resolve))
      ends.push(() => {
        child.kill('SIGKILL')
        return exited
      })
      await new Promise((resolve) => child.stdout.once('data', resolve))
    }

    /** What a client in a pod gets from an address. */
    function from(pod: string, host = '10.96.0.10', port = 80): string {
      const program = `require('node:net').connect({ port: ${port}, host: '${host}', timeout: 5000 })
        .on('timeout', function () { console.log('timeout'); this.destroy() }).on('error', (e) => console.log(e.code))
        .on('data', (d) => console.log(String(d)))`
      return execFileSync('ip', ['netns', 'exec', pod, process.execPath, '-e', program], { encoding: 'utf8' }).trim()
    }

    it('[PN1] a pod is seen as itself, also through a Service, but not by itself', async () => {
      await serveInA()
      await apply({ nodePort: 30080 }, [a])
      expect(from('b')).toBe(b.ip)
      expect(from('a')).toBe('10.244.0.1')
      expect(from('b', '192.168.1.10', 30080)).toBe('10.244.0.1')
      expect(await reach()).toBe('10.244.0.1')
    })

    it('[PN4] a pod is refused at once where there are no endpoints', async () => {
      await apply({ nodePort: 30080 }, [])
      expect(from('b')).toBe('ECONNREFUSED')
      expect(from('b', '192.168.1.10', 30080)).toBe('ECONNREFUSED')
    })
  })
})
