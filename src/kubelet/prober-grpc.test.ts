/** Probes by gRPC against real HTTP/2 servers, good ones and others. */
import { createServer as createHttpServer } from 'node:http'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { healthOf, healthRequest } from './grpc-health.ts'
import { probeGrpc } from './prober-grpc.node.ts'

const open: { close(): unknown }[] = []
const sockets = new Set<{ destroy(): void }>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of open.splice(0)) server.close()
})

async function listen(server: Server): Promise<number> {
  open.push(server)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

interface Asked {
  readonly path: string
  readonly contentType: string
  readonly body: Buffer
}

/** A server whose answer is `answer`'s; what it was asked is kept. */
async function grpcServer(answer: (stream: ServerHttp2Stream) => void) {
  const asked: Asked[] = []
  const server = createServer()
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (bytes: Buffer) => chunks.push(bytes))
    stream.on('end', () => {
      asked.push({
        path: `${headers[':path']}`,
        contentType: `${headers['content-type']}`,
        body: Buffer.concat(chunks),
      })
      answer(stream)
    })
  })
  return { port: await listen(server), asked }
}

const OK = { ':status': 200, 'content-type': 'application/grpc' }
function says(message: readonly number[], trailers: Record<string, string>) {
  return (stream: ServerHttp2Stream) => {
    stream.respond(OK, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]))
  }
}

const probe = (port: number, service = '', timeoutMs = 5_000) =>
  probeGrpc({ host: '127.0.0.1', port, service, timeoutMs })

describe('a server of the health protocol', () => {
  it.each([
    ['SERVING', [8, 1]],
    ['NOT_SERVING', [8, 2]],
    ['SERVICE_UNKNOWN', [8, 3]],
    ['UNKNOWN', []],
    ['SERVING', [0x12, 1, 0x78, 8, 1]],
    ['9', [8, 9]],
  ])('says %s with %j', async (health, message) => {
    const { port, asked } = await grpcServer(says(message, { 'grpc-status': '0' }))
    expect(await probe(port, 'shop.Cart')).toBe(health)
    expect(asked).toEqual([
      {
        path: '/grpc.health.v1.Health/Check',
        contentType: 'application/grpc',
        body: Buffer.concat([Buffer.from([0, 0, 0, 0, 11, 10, 9]), Buffer.from('shop.Cart')]),
      },
    ])
  })

  it('is asked about itself when no service is named', () => {
    expect([...healthRequest('')]).toEqual([0, 0, 0, 0, 0])
    expect([...healthRequest('x'.repeat(300)).subarray(0, 9)]).toEqual([0, 0, 0, 1, 47, 10, 172, 2, 120])
  })
})

describe('failures, in the words of a kubelet', () => {
  const refuses = (status: string, message: string) => (stream: ServerHttp2Stream) =>
    stream.respond({ ...OK, 'grpc-status': status, 'grpc-message': message }, { endStream: true })

  it.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    [
      'a service that it does not know',
      refuses('5', 'unknown service%3A a%25'),
      'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service: a%',
    ],
    [
      'no such method',
      refuses('12', 'unknown method Check'),
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown method Check',
    ],
    [
      'a web server',
      (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unexpected HTTP status code received from server: 404',
    ],
    [
      'a status in the trailers',
      says([], { 'grpc-status': '13', 'grpc-message': 'broken' }),
      'error: health rpc probe failed: rpc error: code = Internal desc = broken',
    ],
    [
      'an answer without an end',
      (stream) => {
        stream.respond(OK)
        stream.close()
      },
      'error: health rpc probe failed: rpc error: code = Internal desc = server closed the stream without sending trailers',
    ],
    [
      'no answer',
      (stream) => stream.session?.destroy(),
      'error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: EOF',
    ],
  ])('%s', async (_, answer, message) => {
    const { port } = await grpcServer(answer)
    await expect(probe(port)).rejects.toThrow(message)
  })

  it('an answer that does not come in time', async () => {
    const { port } = await grpcServer(() => {})
    await expect(probe(port, '', 300)).rejects.toThrow('timeout: health rpc did not complete within 0.3s')
  })

  it.each<[string, () => Promise<number>]>([
    [
      'nobody listens',
      async () => {
        const server = createTcpServer()
        const port = await listen(server)
        await new Promise((resolve) => server.close(resolve))
        return port
      },
    ],
    ['an HTTP/1 server', () => listen(createHttpServer((_, response) => response.end()))],
    ['a server that never says anything', () => listen(createTcpServer())],
    ['a server that ends each connection', () => listen(createTcpServer((socket) => socket.end()))],
  ])('%s: tried until the time is over', async (_, start) => {
    const port = await start()
    await expect(probe(port, '', 300)).rejects.toThrow(
      `timeout: failed to connect service "127.0.0.1:${port}" within 0.3s: context deadline exceeded`,
    )
  })

  it('messages that are no messages', () => {
    const of = (...body: number[]) =>
      healthOf({ httpStatus: 200, grpcStatus: '0', grpcMessage: undefined, body: Uint8Array.from(body) })
    expect(of()).toBe('UNKNOWN')
    expect(of(0, 0, 0, 0, 9, 0x0a, 0xff, 0xff, 0xff)).toBe('UNKNOWN')
    expect(of(0, 0, 0, 0, 2, 0x08, 0xff)).toBe('127')
    expect(() => healthOf({ httpStatus: 200, grpcStatus: '99', grpcMessage: '%zz', body: new Uint8Array() })).toThrow(
      'error: health rpc probe failed: rpc error: code = Code(99) desc = %zz',
    )
  })
})
