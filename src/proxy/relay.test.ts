import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dialRelay, forwardToSocket, type RunningRelay, relayListener, serveRelay } from './relay.node.ts'

let dir = ''
let ends: (() => unknown)[] = []

beforeEach(async () => {
  dir = await mkdtemp(path(tmpdir(), 'ebb-relay-'))
})
afterEach(async () => {
  for (const end of ends.reverse()) await end()
  ends = []
  await rm(dir, { recursive: true })
})

const running = async (relay: Promise<RunningRelay>) => {
  const up = await relay
  ends.push(() => up.close())
  return up
}

/** A server that answers what `serve` does; returns its port. */
async function target(serve: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** Answers with how many bytes came, once the sender has ended: works only where half-close does. */
const counting = (socket: Socket) => {
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  socket.on('end', () => socket.end(`${bytes} bytes`))
}

async function readAll(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

const error = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (e: NodeJS.ErrnoException) => e.code,
  )

describe('relay', () => {
  it('[RL1] carries bytes both ways and passes each end on by itself', async () => {
    const port = await target(counting)
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const socket = await dialRelay(path(dir, 's'), `127.0.0.1:${port}`, { allowHalfOpen: true })
    socket.end(Buffer.alloc(3_000_000))
    expect(await readAll(socket)).toBe('3000000 bytes')
  })

  it('[RL1] a socket that is not half-open closes with the target, as a pool of connections needs it', async () => {
    const port = await target((socket) => socket.end('bye'))
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const socket = await dialRelay(path(dir, 's'), `127.0.0.1:${port}`)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    expect(await readAll(socket)).toBe('bye')
    await closed
  })

  it('[RL2] takes bytes sent together with the request line', async () => {
    const port = await target(counting)
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const socket = connect({ path: path(dir, 's'), allowHalfOpen: true })
    socket.end(`CONNECT tcp 127.0.0.1:${port}\nhello`)
    expect(await readAll(socket)).toBe('OK\n5 bytes')
  })

  it('[RL3] says why a dial failed', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    await running(serveRelay({ socketPath: path(dir, 's') }))
    expect(await error(dialRelay(path(dir, 's'), `127.0.0.1:${port}`))).toBe('ECONNREFUSED')
    expect(await error(dialRelay(path(dir, 's'), 'nonsense'))).toBe('EINVAL')
    expect(await error(dialRelay(path(dir, 'nobody'), '127.0.0.1:1'))).toBe('ENOENT')
  })

  it('[RL3] cuts off a client that sends no line', async () => {
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const socket = connect({ path: path(dir, 's') })
    socket.write('x'.repeat(1000))
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('close', resolve))
    expect(socket.destroyed).toBe(true)
  })

  it('[RL4] gives programs on the host a port that leads inside; a refused dial is a reset', async () => {
    const port = await target(counting)
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const to = (target: string) => relayListener({ socketPath: path(dir, 's'), target, host: '127.0.0.1', port: 0 })
    const outside = await running(to(`127.0.0.1:${port}`))
    const socket = connect({ host: outside.host, port: outside.port, allowHalfOpen: true })
    socket.end('abc')
    expect(await readAll(socket)).toBe('3 bytes')
    const dead = await running(to('127.0.0.1:1'))
    expect(await error(readAll(connect({ host: dead.host, port: dead.port })))).toBe('ECONNRESET')
  })

  it('[RL5] hands connections to a Unix socket as they are', async () => {
    const server = createServer({ allowHalfOpen: true }, counting)
    await new Promise<void>((resolve) => server.listen(path(dir, 'api'), resolve))
    ends.push(() => new Promise((resolve) => server.close(resolve)))
    const front = await running(forwardToSocket({ host: '127.0.0.1', port: 0, socketPath: path(dir, 'api') }))
    const socket = connect({ host: front.host, port: front.port, allowHalfOpen: true })
    socket.end('hello')
    expect(await readAll(socket)).toBe('5 bytes')
  })

  it('[RL6] ends the connection when the inside resets it (a Unix socket carries the end, not the reset)', async () => {
    const port = await target((socket) => socket.once('data', () => socket.resetAndDestroy()))
    await running(serveRelay({ socketPath: path(dir, 's') }))
    const outside = await running(
      relayListener({ socketPath: path(dir, 's'), target: `127.0.0.1:${port}`, host: '127.0.0.1', port: 0 }),
    )
    const socket = connect({ host: outside.host, port: outside.port })
    socket.write('x')
    await error(readAll(socket))
    expect(socket.closed).toBe(true)
  })

  it('[RL7] takes the place of a socket file that a dead process left, and cuts connections when closed', async () => {
    const port = await target(() => {})
    const first = await serveRelay({ socketPath: path(dir, 's') })
    const socket = await dialRelay(path(dir, 's'), `127.0.0.1:${port}`)
    socket.on('error', () => {})
    await first.close()
    await new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.resume().on('end', resolve)))
    socket.destroy()
    await running(serveRelay({ socketPath: path(dir, 's') }))
    await running(serveRelay({ socketPath: path(dir, 's2') }))
  })

  it('[RL8] dials from the source addresses in turn', async () => {
    const seen: (string | undefined)[] = []
    const port = await target((socket) => {
      seen.push(socket.remoteAddress)
      socket.end()
    })
    await running(serveRelay({ socketPath: path(dir, 's'), sourceAddresses: ['127.0.0.2', '127.0.0.3'] }))
    for (let i = 0; i < 3; i++) {
      const socket = await dialRelay(path(dir, 's'), `127.0.0.1:${port}`)
      await readAll(socket)
      socket.destroy()
    }
    expect(seen).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.2'])
  })
})
