import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import { type RelayLimits, Relays } from './relays.node.ts'

let api: TestApi
let relays: Relays
const opened: string[] = []

/** Listens as a relay does, and says where it would lead. */
function start(limits: Partial<RelayLimits> = {}): void {
  relays = new Relays({
    registry: api.registry,
    limits: { sweepMs: 5, ...limits },
    async listen(target, admit) {
      opened.push(target)
      const sockets = new Set<net.Socket>()
      const server = net.createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
        if (admit(socket)) socket.write(target)
        else socket.destroy()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as net.AddressInfo
      const close = () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        })
      return { host: '127.0.0.1', port, close }
    },
  })
}

const service = async (name: string) => {
  const made = await api.client.call('POST', '/api/v1/namespaces/default/services', {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name },
    spec: { ports: [{ port: 80 }] },
  })
  return `${(made as { spec: { clusterIP: string } }).spec.clusterIP}:80`
}

/** Connects to an address; resolves to what is said there, or to `refused`. */
function say(address: string): Promise<{ text: string; socket: net.Socket }> {
  const [host, port] = address.split(':')
  const socket = net.connect(Number(port), host)
  return new Promise((resolve) => {
    socket.once('data', (chunk) => resolve({ text: String(chunk), socket }))
    for (const event of ['error', 'close']) socket.once(event, () => resolve({ text: 'refused', socket }))
  })
}

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
  opened.length = 0
})
afterEach(async () => {
  await relays.close()
  await api.close()
})

describe('an address that leads into the cluster', () => {
  it('is one for each Service, used again', async () => {
    start()
    const [web, db] = [await service('web'), await service('db')]
    const addresses = await Promise.all([relays.address(web), relays.address(web), relays.address(db)])
    expect(new Set(addresses).size).toBe(2)
    expect(opened).toEqual([web, db])
    const { text, socket } = await say(addresses[0] as string)
    expect(text).toBe(web)
    socket.destroy()
  })

  it.each(['127.0.0.1:22', '169.254.169.254:80', '10.96.0.1:22', '[::1]:6443'])('leads not to %s', async (target) => {
    start()
    await expect(relays.address(target)).rejects.toMatchObject({
      code: 404,
      message: expect.stringContaining('no pod'),
    })
    expect(opened).toEqual([])
  })

  it.each(['', 'localhost:80', '10.96.0.1', '10.96.0.1:80\nCONNECT', ':80', '10.96.0.1:999999'])(
    'cannot be asked for as %j',
    async (target) => {
      start()
      await expect(relays.address(target)).rejects.toMatchObject({ code: 400 })
    },
  )

  it('leads to a pod until it has ended', async () => {
    start()
    const pods = '/api/v1/namespaces/default/pods'
    const pod = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    }
    await api.client.call('POST', pods, pod)
    const status = (phase: string) => ({ ...pod, status: { phase, podIP: '10.1.2.3', podIPs: [{ ip: '10.1.2.3' }] } })
    await api.client.call('PUT', `${pods}/p/status`, status('Running'))
    const address = await relays.address('10.1.2.3:8080')
    await api.client.call('PUT', `${pods}/p/status`, status('Succeeded'))
    await vi.waitFor(() => expect(relays.size).toBe(0))
    expect((await say(address)).text).toBe('refused')
  })

  it('goes with its Service, and comes anew with another of that address', async () => {
    start({ sweepMs: 60_000 })
    const web = await service('web')
    const address = await relays.address(web)
    await api.client.call('DELETE', '/api/v1/namespaces/default/services/web')
    expect((await say(address)).text).toBe('refused')
    expect(relays.size).toBe(0)
    await expect(relays.address(web)).rejects.toMatchObject({ code: 404 })
  })

  it('is closed when it is not used, and not while it is', async () => {
    start({ idleMs: 30 })
    const address = await relays.address(await service('web'))
    const { socket } = await say(address)
    await relays.address(await service('db'))
    await vi.waitFor(() => expect(relays.size).toBe(1))
    expect((await say(address)).text).not.toBe('refused')
    socket.destroy()
  })

  it('makes room for another when there are many, unless all are in use', async () => {
    start({ relays: 2 })
    const targets = [await service('a'), await service('b'), await service('c')] as const
    const a = await relays.address(targets[0])
    const held = await say(a)
    await relays.address(targets[1])
    const c = await say(await relays.address(targets[2]))
    expect(relays.size).toBe(2)
    await expect(relays.address(targets[1])).rejects.toMatchObject({ code: 429 })
    held.socket.destroy()
    c.socket.destroy()
  })
})
