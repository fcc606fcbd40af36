/** The kubelet's server over a real socket, with a runtime whose sessions the test holds in its hands. */
import { symlinkSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rawUpgrade } from './raw-socket.node.ts'
import { FakeSession, ServerBench } from './server-bench.node.ts'

let bench: ServerBench
beforeEach(async () => {
  bench = new ServerBench()
  await bench.open()
})
afterEach(() => bench.close())

describe('logs', () => {
  it('of the present life, and of the one before', async () => {
    bench.running = false
    expect(await bench.get('/containerLogs/default/p/app')).toEqual({ status: 200, body: 'one\ntwo\n' })
    expect((await bench.get('/containerLogs/default/p/app?tailLines=1')).body).toBe('two\n')
    expect((await bench.get('/containerLogs/default/p/app?previous=true')).body).toBe('before\n')
  })

  it('[LG3] followed until the container has ended', async () => {
    const answer = bench.get('/containerLogs/default/p/app?follow=true')
    while (bench.listeners.length === 0) await new Promise((resolve) => setImmediate(resolve))
    for (const listener of bench.listeners) listener({ type: 'exited', container: bench.life(1) })
    expect((await answer).body).toBe('one\ntwo\n')
  })

  it.each([
    ['', 'one\ntwo\n'],
    ['binary.k8s.io', 'one\ntwo\n'],
    ['base64.binary.k8s.io', Buffer.from('one\ntwo\n').toString('base64')],
  ])('[LG5] over WebSocket as %j, after an empty message', async (protocol, text) => {
    bench.running = false
    const client = await rawUpgrade(bench.socketPath, '/containerLogs/default/p/app', protocol)
    const isText = protocol.startsWith('base64')
    const frames = [Buffer.of(isText ? 0x81 : 0x82, 0), Buffer.of(isText ? 0x81 : 0x82, text.length), Buffer.from(text)]
    expect((await client.ended).subarray(0, 4 + text.length)).toEqual(Buffer.concat(frames))
    const refused = bench.dial('/containerLogs/default/p/app', ['nosuch.k8s.io'])
    await expect(refused).rejects.toThrow('403')
  })

  it('404 and 400 for what is not there', async () => {
    expect((await bench.get('/containerLogs/default/q/app')).status).toBe(404)
    expect(await bench.get('/containerLogs/default/p/other')).toEqual({
      status: 400,
      body: 'container "other" in pod "p" is not available\n',
    })
  })
})

it('lists the pods as they are here, and what of them runs', async () => {
  for (const path of ['/pods', '/pods/']) {
    const { kind, items } = JSON.parse((await bench.get(path)).body)
    expect(kind).toBe('PodList')
    expect(items).toMatchObject([{ metadata: { name: 'p' }, status: { containerStatuses: [{ name: 'app' }] } }])
  }
  const running = async () => JSON.parse((await bench.get('/runningpods/')).body).items
  const containers = [{ name: 'app', image: 'i' }]
  expect(await running()).toEqual([
    { metadata: { name: 'p', namespace: 'default', uid: 'u' }, spec: { containers }, status: {} },
  ])
  bench.running = false
  expect(await running()).toEqual([])
  expect((await bench.get('/pods/more')).status).toBe(404)
})

it('shows the folder of logs, and nothing of the machine beside it', async () => {
  const links = async (path: string) =>
    [...(await bench.get(path)).body.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)
  expect(await links('/logs/')).toEqual(['pods/'])
  const [folder = ''] = await links('/logs/pods/')
  expect(folder).toBe('default_p_u/')
  expect(await links(`/logs/pods/${folder}`)).toEqual(['app/'])
  expect(await links(`/logs/pods/${folder}app/`)).toEqual(['0.log', '1.log'])
  expect(await bench.get(`/logs/pods/${folder}app/1.log`)).toEqual({
    status: 200,
    body: expect.stringMatching(/stdout F one\n.* stdout F two\n$/),
  })
  expect([await bench.get('/logs'), await bench.get('/logs/pods')]).toMatchObject([{ status: 301 }, { status: 301 }])
  symlinkSync('/etc', join(bench.directory, 'logs', 'link'))
  const outside = [
    '/etc',
    '..',
    '../../kubelet.sock',
    'link/passwd',
    'link',
    'app/1.log/more',
    '%2e%2e',
    '..%2f..%2fkubelet.sock',
  ]
  for (const path of outside) expect((await bench.get(`/logs/pods/${folder}${path}`)).status, path).toBe(404)
  for (const path of [
    '/logs/..',
    '/logs/../healthz',
    '/logs/nosuch',
    '/logs/pods/nosuch',
    '/logs/%00',
    '/logs/pods/%2e%2e',
  ])
    expect((await bench.get(path)).status, path).toBe(404)
})

describe('exec', () => {
  const V5 = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

  it('carries both streams, then the exit code, on channels 1, 2 and 3', async () => {
    bench.session = new FakeSession(['out'], ['err'], false)
    bench.fake.end(7)
    const {
      socket: ws,
      messages,
      closed,
    } = await bench.dial('/exec/default/p/app?command=a&command=b&output=1&error=1', V5)
    expect(ws.protocol).toBe('v5.channel.k8s.io')
    expect(await closed).toBe(1000)
    expect(bench.commands).toEqual(['a b {"tty":false,"stdin":false}'])
    expect([...messages.slice(0, -1)].sort()).toEqual(['1:', '1:out', '2:err'])
    expect(JSON.parse((messages.at(-1) ?? '').slice(2))).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    })
  })

  it('takes input, sizes and the end of input', async () => {
    const {
      socket: ws,
      messages,
      closed,
    } = await bench.dial('/exec/default/p/app?command=cat&input=1&output=1&tty=1', V5)
    ws.send(Buffer.from('\0hello'))
    ws.send(Buffer.from('\x04{"Width":80,"Height":24}'))
    ws.send(Buffer.from([255, 0]))
    await closed
    expect(bench.fake.input).toEqual(['hello', 'END'])
    expect(bench.fake.sizes).toEqual(['80x24'])
    expect(JSON.parse((messages.at(-1) ?? '').slice(2))).toEqual({ metadata: {}, status: 'Success' })
  })

  it('kills what it started when the client goes away', async () => {
    const { socket: ws, closed } = await bench.dial('/exec/default/p/app?command=sleep&output=1', V5)
    ws.terminate()
    await closed
    await bench.fake.exit
    expect(bench.fake.killed).toBe(true)
  })

  it('before v4 tells failures only, as text; output always comes first', async () => {
    for (const protocol of ['channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io'])
      for (const code of [0, 7]) {
        bench.session = new FakeSession(['out'], ['err'], false)
        bench.fake.end(code)
        const client = await bench.dial('/exec/default/p/app?command=a&output=1&error=1', [protocol])
        await client.closed
        const channels = client.messages.filter((message) => message.length > 2).map((message) => message[0])
        const isSilent = code === 0 && protocol === 'channel.k8s.io'
        expect([...channels.slice(0, 2)].sort()).toEqual(['1', '2'])
        expect(channels.slice(2)).toEqual(isSilent ? [] : ['3'])
      }
  })

  it('tells the client when nothing runs', async () => {
    bench.running = false
    const { messages, closed } = await bench.dial('/exec/default/p/app?command=a&output=1', V5)
    await closed
    expect(JSON.parse((messages.at(-1) ?? '').slice(2)).message).toBe(
      'Internal error occurred: unable to upgrade connection: container not found ("app")',
    )
  })

  it('tells who is attached that the program has ended, not how', async () => {
    const { messages, closed } = await bench.dial('/attach/default/p/app?output=1', V5)
    bench.fake.end(4)
    await closed
    expect(JSON.parse((messages.at(-1) ?? '').slice(2))).toEqual({ metadata: {}, status: 'Success' })
  })
})

describe('port-forward', () => {
  it('on channels: the port first, then data both ways', async () => {
    const {
      socket: ws,
      messages,
      said,
      closed,
    } = await bench.dial(`/portForward/default/p?ports=${bench.echoPort}`, ['v4.channel.k8s.io'])
    ws.send(Buffer.from('\0ping'))
    await said('ping')
    expect(messages.at(-1)).toBe('0:ping')
    ws.close()
    await closed
  })

  it('reaches what listens on the loopback only through a program inside', async () => {
    const free = createServer()
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as { port: number }
    await new Promise((resolve) => free.close(resolve))
    bench.session = new FakeSession(['pong'], [], true)
    const { socket: ws, said, closed } = await bench.dial(`/portForward/default/p?ports=${port}`, ['v4.channel.k8s.io'])
    ws.send(Buffer.from('\0ping'))
    await said('pong')
    expect(bench.commands[0]).toContain(String(port))
    while (bench.fake.input.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(bench.fake.input).toEqual(['ping'])
    ws.close()
    await closed
    await bench.fake.exit
  })

  it("agrees on the name of kubectl's tunnel, which the library would refuse", async () => {
    const upgraded = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const request = httpGet({
        socketPath: bench.socketPath,
        path: '/portForward/default/p',
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
        },
      })
      request.on('upgrade', (response, peer) => {
        peer.destroy()
        resolve(response.headers)
      })
      request.on('error', reject)
    })
    expect(upgraded['sec-websocket-protocol']).toBe('SPDY/3.1+portforward.k8s.io')
  })
})
