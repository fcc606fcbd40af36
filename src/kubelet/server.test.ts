/** The kubelet's server over a real socket, with a runtime whose sessions the test holds in its hands. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { systemClock } from '../base/clock.node.ts'
import { Lifetime } from '../base/lifetime.ts'
import type { Kubelet } from './kubelet.ts'
import type { ContainerStatus, ExecSession, Runtime, RuntimeEvent } from './runtime.ts'
import { serveKubelet } from './server.node.ts'

/** A session that writes what it is given and ends when told. */
class FakeSession implements ExecSession {
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stderr: AsyncIterable<Uint8Array>
  readonly exit: Promise<number>
  readonly input: string[] = []
  readonly sizes: string[] = []
  killed = false
  end!: (code: number) => void

  constructor(out: readonly string[], err: readonly string[], waits: boolean) {
    this.exit = new Promise((resolve) => {
      this.end = resolve
    })
    const { exit } = this
    const stream = async function* (texts: readonly string[]) {
      for (const text of texts) yield Buffer.from(text)
      if (waits) await exit
    }
    this.stdout = stream(out)
    this.stderr = stream(err)
  }
  async write(bytes: Uint8Array): Promise<void> {
    this.input.push(Buffer.from(bytes).toString())
  }
  closeStdin(): void {
    this.input.push('END')
    this.end(0)
  }
  resize(columns: number, rows: number): void {
    this.sizes.push(`${columns}x${rows}`)
  }
  kill(): void {
    this.killed = true
    this.end(137)
  }
}

let directory: string
let lifetime: Lifetime
let session: FakeSession
let commands: string[]
let running: boolean
let listeners: ((event: RuntimeEvent) => void)[]
let echo: Server
let echoPort: number

const life = (attempt: number): ContainerStatus => ({
  id: `c${attempt}`,
  sandboxId: 's',
  name: 'app',
  attempt,
  image: 'i',
  imageId: 'i',
  state: attempt === 1 && running ? 'running' : 'exited',
  createdAtMs: 0,
  annotations: {},
})
const pod: Pod = {
  metadata: { namespace: 'default', name: 'p', uid: 'u' },
  spec: { containers: [{ name: 'app' }] },
  status: { podIP: '127.0.0.1' },
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ebb-kubelet-'))
  lifetime = new Lifetime('test')
  session = new FakeSession([], [], true)
  commands = []
  running = true
  listeners = []
  const runtime = {
    listSandboxes: async () => [{ id: 's', config: { uid: 'u' } }],
    listContainers: async () => [life(0), life(1)],
    exec: async (_: string, command: readonly string[], options: object) => {
      commands.push(`${command.join(' ')} ${JSON.stringify(options)}`)
      return session
    },
    attach: async () => session,
    subscribe: (listener: (event: RuntimeEvent) => void) => {
      listeners.push(listener)
      return () => {}
    },
  } as unknown as Runtime
  const kubelet = {
    find: (namespace: string, name: string) => (`${namespace}/${name}` === 'default/p' ? pod : undefined),
    status: () => ({
      containerStatuses: [
        {
          name: 'app',
          ready: running,
          restartCount: 1,
          image: 'i',
          imageID: 'i',
          containerID: 'ebb://c1',
          state: running ? { running: {} } : { terminated: { exitCode: 0, containerID: 'ebb://c1' } },
          lastState: { terminated: { exitCode: 0, containerID: 'ebb://c0' } },
        },
      ],
    }),
    podDirectory: () => directory,
  } as unknown as Kubelet
  mkdirSync(join(directory, 'logs', 'app'), { recursive: true })
  const line = (text: string) => `2026-01-02T03:04:05.000000001Z stdout F ${text}\n`
  writeFileSync(join(directory, 'logs/app/0.log'), line('before'))
  writeFileSync(join(directory, 'logs/app/1.log'), line('one') + line('two'))
  await serveKubelet({ kubelet, runtime, clock: systemClock, socketPath: socket(), lifetime })
  echo = createServer((peer) => peer.pipe(peer))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  echoPort = (echo.address() as { port: number }).port
})
afterEach(async () => {
  await lifetime.close()
  await new Promise((resolve) => echo.close(resolve))
  rmSync(directory, { recursive: true, force: true })
})

const socket = () => join(directory, 'kubelet.sock')

function get(path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    httpGet({ socketPath: socket(), path }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode, body }))
    }).on('error', reject)
  })
}

interface Dialled {
  readonly socket: WebSocket
  readonly messages: string[]
  readonly closed: Promise<number>
  said(text: string): Promise<void>
}

/** Messages as `channel:text`. */
async function dial(path: string, protocols: string[]): Promise<Dialled> {
  const opened = new WebSocket(`ws+unix://${socket()}:${path}`, protocols)
  const messages: string[] = []
  let wake = () => {}
  opened.on('message', (data: Buffer) => {
    messages.push(`${data[0]}:${data.subarray(1).toString()}`)
    wake()
  })
  const closed = new Promise<number>((resolve) => opened.on('close', resolve))
  await new Promise((resolve, reject) => opened.once('open', resolve).once('error', reject))
  const said = async (text: string) => {
    while (!messages.some((message) => message.includes(text)))
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  return { socket: opened, messages, closed, said }
}

describe('logs', () => {
  it('of the present life, and of the one before', async () => {
    running = false
    expect(await get('/containerLogs/default/p/app')).toEqual({ status: 200, body: 'one\ntwo\n' })
    expect((await get('/containerLogs/default/p/app?tailLines=1')).body).toBe('two\n')
    expect((await get('/containerLogs/default/p/app?previous=true')).body).toBe('before\n')
  })

  it('[LG3] followed until the container has ended', async () => {
    const answer = get('/containerLogs/default/p/app?follow=true')
    while (listeners.length === 0) await new Promise((resolve) => setImmediate(resolve))
    for (const listener of listeners) listener({ type: 'exited', container: life(1) })
    expect((await answer).body).toBe('one\ntwo\n')
  })

  it('404 and 400 for what is not there', async () => {
    expect((await get('/containerLogs/default/q/app')).status).toBe(404)
    expect(await get('/containerLogs/default/p/other')).toEqual({
      status: 400,
      body: 'container "other" in pod "p" is not available\n',
    })
  })
})

describe('exec', () => {
  const V5 = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

  it('carries both streams, then the exit code, on channels 1, 2 and 3', async () => {
    session = new FakeSession(['out'], ['err'], false)
    session.end(7)
    const { socket: ws, messages, closed } = await dial('/exec/default/p/app?command=a&command=b&output=1&error=1', V5)
    expect(ws.protocol).toBe('v5.channel.k8s.io')
    expect(await closed).toBe(1000)
    expect(commands).toEqual(['a b {"tty":false,"stdin":false}'])
    expect([...messages.slice(0, -1)].sort()).toEqual(['1:', '1:out', '2:err'])
    expect(JSON.parse((messages.at(-1) ?? '').slice(2))).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    })
  })

  it('takes input, sizes and the end of input', async () => {
    const { socket: ws, messages, closed } = await dial('/exec/default/p/app?command=cat&input=1&output=1&tty=1', V5)
    ws.send(Buffer.from('\0hello'))
    ws.send(Buffer.from('\x04{"Width":80,"Height":24}'))
    ws.send(Buffer.from([255, 0]))
    await closed
    expect(session.input).toEqual(['hello', 'END'])
    expect(session.sizes).toEqual(['80x24'])
    expect(JSON.parse((messages.at(-1) ?? '').slice(2))).toEqual({ metadata: {}, status: 'Success' })
  })

  it('kills what it started when the client goes away', async () => {
    const { socket: ws, closed } = await dial('/exec/default/p/app?command=sleep&output=1', V5)
    ws.terminate()
    await closed
    await session.exit
    expect(session.killed).toBe(true)
  })

  it('tells the client when nothing runs', async () => {
    running = false
    const { messages, closed } = await dial('/exec/default/p/app?command=a&output=1', V5)
    await closed
    expect(JSON.parse((messages.at(-1) ?? '').slice(2)).message).toBe(
      'Internal error occurred: unable to upgrade connection: container not found ("app")',
    )
  })

  it('tells who is attached that the program has ended, not how', async () => {
    const { messages, closed } = await dial('/attach/default/p/app?output=1', V5)
    session.end(4)
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
    } = await dial(`/portForward/default/p?ports=${echoPort}`, ['v4.channel.k8s.io'])
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
    session = new FakeSession(['pong'], [], true)
    const { socket: ws, said, closed } = await dial(`/portForward/default/p?ports=${port}`, ['v4.channel.k8s.io'])
    ws.send(Buffer.from('\0ping'))
    await said('pong')
    expect(commands[0]).toContain(String(port))
    while (session.input.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(session.input).toEqual(['ping'])
    ws.close()
    await closed
    await session.exit
  })

  it("agrees on the name of kubectl's tunnel, which the library would refuse", async () => {
    const upgraded = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const request = httpGet({
        socketPath: socket(),
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
