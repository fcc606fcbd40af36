/** Whoever does not read makes the other side wait, on every stream and both ways: memory does not grow with what is sent. */
import { appendFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { constants, createDeflate } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { binary, type RawClient, rawUpgrade } from './raw-socket.node.ts'
import type { ExecSession } from './runtime.ts'
import { FakeSession, ServerBench } from './server-bench.node.ts'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

/** Bytes that are to be sent through. */
const WHOLE = 64 * 1024 * 1024
/** What may be on its way: our 1 MiB each way, and the buffers of sockets. */
const ON_ITS_WAY_MAX = 16 * 1024 * 1024
const PIECE = Buffer.alloc(64 * 1024, 120)

let bench: ServerBench
beforeEach(async () => {
  bench = new ServerBench()
  await bench.open()
})
afterEach(() => bench.close())

/** Waits until the server has had many turns in which `count` did not grow. */
async function settled(count: () => number): Promise<number> {
  for (let still = 0, last = count(); still < 50; last = count()) {
    await bench.get('/healthz')
    still = count() === last ? still + 1 : 0
  }
  return count()
}

/** Writes WHOLE bytes into a socket as fast as it takes them; `sent()` is what it took. */
function flood(socket: Socket, wrap: (piece: Buffer) => Buffer = (piece) => piece): { sent: () => number } {
  let left = WHOLE / PIECE.length
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      left--
      if (!socket.write(wrap(PIECE))) return
    }
  }
  socket.on('drain', more)
  more()
  return { sent: () => WHOLE - left * PIECE.length - socket.writableLength }
}

/** Bytes of data that have arrived, once it is `bytes`. */
function arrived(socket: Socket, bytes: number): Promise<void> {
  let got = 0
  return new Promise((resolve) => {
    socket.on('data', (piece) => {
      got += piece.length
      if (got >= bytes) resolve()
    })
  })
}

/** A server of the pod; resolves to its first connection, which is not read. */
async function podServer(): Promise<{ port: number; connection: Promise<Socket>; close: () => void }> {
  const server = createServer({ pauseOnConnect: true })
  const connection = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      socket.on('error', () => {})
      resolve(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, connection, close: () => server.close() }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Opens the stream 1 for data to a port. */
async function openSpdyStream(client: RawClient, port: number): Promise<void> {
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  const parts: Buffer[] = []
  deflate.on('data', (part: Buffer) => parts.push(part))
  const texts = ['streamtype', 'data', 'port', String(port)].flatMap((text) => [uint32(text.length), Buffer.from(text)])
  deflate.write(Buffer.concat([uint32(2), ...texts]))
  await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
  const payload = Buffer.concat([uint32(1), Buffer.alloc(6), ...parts])
  client.socket.write(
    binary(Buffer.concat([Buffer.from([0x80, 3, 0, 1, 0]), uint32(payload.length).subarray(1), payload])),
  )
}

const spdyData = (piece: Buffer) =>
  binary(Buffer.concat([uint32(1), Buffer.from([0]), uint32(piece.length).subarray(1), piece]))

describe.each(['v4.channel.k8s.io', 'SPDY/3.1+portforward.k8s.io'])('port-forward as %s', (protocol) => {
  async function connected() {
    const pod = await podServer()
    const client = await rawUpgrade(bench.socketPath, `/portForward/default/p?ports=${pod.port}`, protocol)
    client.socket.removeAllListeners('data')
    const isTunnel = protocol.startsWith('SPDY')
    if (isTunnel) await openSpdyStream(client, pod.port)
    const inside = await pod.connection
    const wrap = isTunnel ? spdyData : (piece: Buffer) => binary(Buffer.concat([Buffer.from([0]), piece]))
    return { client, inside, wrap, close: pod.close }
  }

  it('a program that does not read makes the client wait; then all arrives', async () => {
    const { client, inside, wrap, close } = await connected()
    const { sent } = flood(client.socket, wrap)
    expect(await settled(sent)).toBeLessThan(ON_ITS_WAY_MAX)
    const all = arrived(inside, WHOLE)
    inside.resume()
    await all
    client.socket.destroy()
    close()
  })

  it('a client that does not read makes the program wait; then all arrives', async () => {
    const { client, inside, close } = await connected()
    client.socket.pause()
    const { sent } = flood(inside)
    expect(await settled(sent)).toBeLessThan(ON_ITS_WAY_MAX)
    const all = arrived(client.socket, WHOLE)
    client.socket.resume()
    await all
    client.socket.destroy()
    close()
  })
})

/** A session that writes without end, or takes nothing. */
function session(parts: Partial<ExecSession>): ExecSession {
  const plain = new FakeSession([], [], true)
  return {
    ...{ stdout: plain.stdout, stderr: plain.stderr, exit: plain.exit },
    ...{ write: () => Promise.resolve(), closeStdin: () => {}, resize: () => {}, kill: () => plain.kill() },
    ...parts,
  }
}

describe.each(['exec', 'attach'])('%s', (verb) => {
  const path = `/${verb}/default/p/app?command=a&input=1&output=1&error=1`

  it('a client that does not read makes both outputs of the program wait', async () => {
    let given = 0
    const flooding = async function* () {
      for (;;) {
        given += PIECE.length
        yield PIECE
      }
    }
    bench.session = session({ stdout: flooding(), stderr: flooding() })
    const client = await rawUpgrade(bench.socketPath, path, 'v5.channel.k8s.io')
    client.socket.pause()
    expect(await settled(() => given)).toBeLessThan(ON_ITS_WAY_MAX)
    client.socket.destroy()
    await bench.session.exit
  })

  it('a program that does not read makes the client wait, and is killed when that goes', async () => {
    bench.session = session({ write: () => new Promise(() => {}) })
    const client = await rawUpgrade(bench.socketPath, path, 'v5.channel.k8s.io')
    const { sent } = flood(client.socket, (piece) => binary(Buffer.concat([Buffer.from([0]), piece])))
    expect(await settled(sent)).toBeLessThan(ON_ITS_WAY_MAX)
    client.socket.destroy()
    await bench.session.exit
  })

  it('messages without bytes fill up too', async () => {
    bench.session = session({ write: () => new Promise(() => {}) })
    const client = await rawUpgrade(bench.socketPath, path, 'v5.channel.k8s.io')
    const empty = Buffer.concat(Array.from({ length: PIECE.length / 7 }, () => binary(Buffer.from([0]))))
    const { sent } = flood(client.socket, () => empty)
    expect(await settled(sent)).toBeLessThan(ON_ITS_WAY_MAX)
    client.socket.destroy()
  })
})

describe.each(['', 'binary.k8s.io', 'base64.binary.k8s.io'])('logs over WebSocket as %j', (protocol) => {
  it('are not read faster than the client takes them', async () => {
    const record = `2026-01-02T03:04:05.000000001Z stdout F ${'x'.repeat(1000)}\n`
    for (let i = 0; i < 32; i++) appendFileSync(bench.logPath(1), record.repeat(1024))
    const before = process.memoryUsage().arrayBuffers
    const client = await rawUpgrade(bench.socketPath, '/containerLogs/default/p/app?follow=true', protocol)
    client.socket.pause()
    await settled(() => 0)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(ON_ITS_WAY_MAX)
    client.socket.destroy()
  })
})
