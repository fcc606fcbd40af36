import { createSocket } from 'node:dgram'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../base/random.ts'
import { planAll } from './plan.ts'
import { type SampleEndpoint, type SampleService, service, slice } from './samples.ts'
import { UserspaceDataplane } from './userspace.node.ts'

let dataplane: UserspaceDataplane
let ends: (() => unknown)[] = []
/** The port of the backends: one that is free. */
let targetPort = 0

beforeEach(async () => {
  dataplane = new UserspaceDataplane({ random: new SeededRandom(1) })
  targetPort = await freePort()
})
afterEach(async () => {
  await dataplane.close()
  for (const end of ends.reverse()) await end()
  ends = []
})

async function listen(server: Server, port = 0, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A backend that says its name and echoes. */
async function backend(ip: string): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(`${ip}\n`)
    socket.pipe(socket)
  })
  await listen(server, targetPort, ip)
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
}

function talk(socket: Socket): { socket: Socket; next(): Promise<string> } {
  ends.push(() => socket.destroy())
  const next = () =>
    new Promise<string>((resolve) => {
      socket.once('data', (chunk) => resolve(String(chunk).trim()))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    })
  return { socket, next }
}

const apply = (sample: SampleService, endpoints: readonly SampleEndpoint[]) =>
  dataplane.apply(planAll([service(sample)], [slice({ endpoints, ports: [{ port: targetPort }] })], 'node-1'))

const a = { ip: '127.0.0.5' }
const b = { ip: '127.0.0.6' }

/** Backends have addresses of 127.0.0.0/8, all of which are local on Linux alone. */
describe.runIf(process.platform === 'linux')('userspace proxy', () => {
  it('[PU1] listens at the node port; new connections follow the plan, existing ones live on', async () => {
    const nodePort = await freePort()
    const reach = () => talk(connect({ host: '127.0.0.1', port: nodePort }))
    await backend(a.ip)
    await backend(b.ip)
    await apply({ nodePort }, [a])
    expect(dataplane.listening).toContain(`TCP 127.0.0.1:${nodePort}`)
    const old = reach()
    expect(await old.next()).toBe(a.ip)
    await apply({ nodePort }, [b])
    expect(await reach().next()).toBe(b.ip)
    old.socket.write('still here\n')
    expect(await old.next()).toBe('still here')
    await apply({ nodePort }, [])
    expect(await reach().next()).toBe('ECONNREFUSED')
    old.socket.write('even now\n')
    expect(await old.next()).toBe('even now')
    await apply({ nodePort }, [a])
    expect(await reach().next()).toBe(a.ip)
  })

  it('[PU2] a relay dials Services that have no listener here', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({}, [a, b])
    const seen = new Set<string>()
    for (let i = 0; i < 20; i++) seen.add(await talk(dataplane.dial('10.96.0.10', 80)).next())
    expect([...seen].sort()).toEqual([a.ip, b.ip])
    await apply({}, [])
    expect(await talk(dataplane.dial('10.96.0.10', 80)).next()).toBe('ECONNREFUSED')
  })

  it('[PU1] listens on a cluster IP that this machine owns', async () => {
    const port = await freePort()
    await backend(a.ip)
    await apply({ clusterIP: '127.96.0.10', ports: [{ port }] }, [a])
    expect(await talk(connect({ host: '127.96.0.10', port })).next()).toBe(a.ip)
  })

  it('[PU3] keeps a client with its backend', async () => {
    await backend(a.ip)
    await backend(b.ip)
    await apply({ sessionAffinity: 'ClientIP' }, [a, b])
    const reach = () => talk(dataplane.dial('10.96.0.10', 80)).next()
    const first = await reach()
    for (let i = 0; i < 10; i++) expect(await reach()).toBe(first)
    await apply({ sessionAffinity: 'ClientIP' }, [first === a.ip ? b : a])
    expect(await reach()).not.toBe(first)
  })

  it('[PU4] carries UDP, and a removed backend gets nothing more', async () => {
    const nodePort = await freePort()
    for (const { ip } of [a, b]) {
      const server = createSocket('udp4')
      server.on('message', (message, from) => server.send(`${message} at ${ip}`, from.port, from.address))
      await new Promise<void>((resolve) => server.bind(targetPort, ip, resolve))
      ends.push(() => server.close())
    }
    const udp = (endpoints: readonly SampleEndpoint[]) =>
      dataplane.apply(
        planAll(
          [service({ ports: [{ port: 53, protocol: 'UDP', nodePort }] })],
          [slice({ endpoints, ports: [{ protocol: 'UDP', port: targetPort }] })],
          'node-1',
        ),
      )
    const client = createSocket('udp4')
    ends.push(() => client.close())
    const ask = () => {
      const answer = new Promise((resolve) => client.once('message', (message) => resolve(String(message))))
      client.send('hello', nodePort, '127.0.0.1')
      return answer
    }
    await udp([a])
    expect(await ask()).toBe(`hello at ${a.ip}`)
    await udp([b])
    expect(await ask()).toBe(`hello at ${b.ip}`)
  })
})
