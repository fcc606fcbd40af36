import { readdirSync } from 'node:fs'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, it, vi } from 'vitest'
import { type ConnectionLimits, connectionLimits } from './connections.node.ts'
import { api, listen, pki, plainSocket, server, tlsSocket, useServer } from './one-server.node.ts'

const token = 'authorization: Bearer admin-token\r\n'

/** As in earnest, but for patience. */
const QUICK: Partial<ConnectionLimits> = {
  handshakeMs: 1_500,
  firstRequestMs: 1_500,
  idleMs: 1_000,
  stallMs: 1_000,
  answerMs: 10_000,
  lingerMs: 50,
  sweepMs: 20,
}

const start = (limits: Partial<ConnectionLimits>) => listen({ limits: { ...QUICK, ...limits } })

useServer({ sockets: { limits: QUICK } })

/** A peer that keeps its end open whatever the other side does: only the server closes these connections. */
interface Peer {
  readonly socket: net.Socket
  readonly closed: Promise<string>
}

function peer(socket: net.Socket): Peer {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  const closed = new Promise<string>((resolve) => {
    for (const event of ['end', 'close']) socket.on(event, () => resolve(text))
  })
  return { socket, closed }
}

const port = () => ({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
const raw = (where: net.NetConnectOpts) => net.connect(where)
const secure = (where: net.NetConnectOpts, protocols: string[]) =>
  tls.connect({ socket: net.connect(where), ca: pki.ca, servername: 'kubernetes.default', ALPNProtocols: protocols })

type Send = (socket: net.Socket) => void
const bytes =
  (...parts: (string | Buffer | number[])[]): Send =>
  (socket) =>
    void socket.write(
      Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'latin1') : Buffer.from(p)))),
    )
const nothing: Send = () => {}
/** Goes on sending, as long as anybody takes it. */
const onAndOn =
  (first: Send, more: string): Send =>
  (socket) => {
    first(socket)
    const timer = setInterval(() => socket.write(more), 5)
    socket.on('close', () => clearInterval(timer))
  }

const exec = '/api/v1/namespaces/default/pods/p/exec?command=id'
const upgrade =
  'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
const create = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'

/** What is sent over HTTP/1.1, and how the answer begins; undefined: whatever. */
const HTTP1: Record<string, [Send, RegExp?]> = {
  'no request': [nothing, /^ <-/],
  'half a head': [bytes('GET / HTTP/1.1\r\nhost: x\r\n'), /^ <-/],
  'a head that trickles': [onAndOn(bytes('GET /livez HTTP/1.1\r\n'), 'a: b\r\n')],
  'no HTTP': [bytes('\0\x01\x02 what is this\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\n/],
  'an unknown method': [bytes('FROB / HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\n/],
  'a header with NUL': [bytes('GET / HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\n/],
  'a header without name': [bytes('GET / HTTP/1.1\r\n: x\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\n/],
  'a head too large': [bytes(`GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`), /^HTTP\/1.1 431 /],
  'two lengths': [bytes(`${create}${token}content-length: 5\r\ncontent-length: 6\r\n\r\n`), /^HTTP\/1.1 400 /],
  'a length and chunks': [bytes(`${create}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)],
  'a chunk without size': [bytes(`${create}${token}transfer-encoding: chunked\r\n\r\nzz\r\n`), /^HTTP\/1.1 400 /],
  'a request, then nonsense': [bytes('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n\0\0\0')],
  'one request, then nothing': [bytes('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1.1 200 OK/],
  CONNECT: [bytes('CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n')],
  'HTTP/2 without agreement': [bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /^(HTTP\/1.1 400| <-)/],
  'a refused upgrade, then data': [
    onAndOn(bytes(`GET ${exec} HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`), 'data'),
    /^HTTP\/1.1 403 /,
  ],
  'an upgrade to nothing': [bytes(`GET /livez HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n`, 'data'), /^HTTP\/1.1 400 /],
  'an upgrade of a pod that is none': [
    bytes(`GET ${exec} HTTP/1.1\r\nhost: x\r\n${token}${upgrade}\r\n`),
    /^HTTP\/1.1 404 /,
  ],
  'a refused body that goes on': [
    onAndOn(bytes(`${create}content-length: 3000000\r\n\r\n`), '    '),
    /^HTTP\/1.1 403 /,
  ],
  'a body too large that goes on': [
    onAndOn(bytes(`${create}${token}content-length: 9000000\r\n\r\n`), '    '),
    /^HTTP\/1.1 413 /,
  ],
  'a body that does not come in time': [
    bytes(`${create.replace(' HTTP', '?timeout=100ms HTTP')}${token}content-length: 9\r\n\r\n{`),
    /^HTTP\/1.1 504 .*"reason":"Timeout"/s,
  ],
  'a body that trickles': [
    onAndOn(bytes(`${create.replace(' HTTP', '?timeout=100ms HTTP')}${token}content-length: 900000\r\n\r\n`), ' '),
    /^HTTP\/1.1 504 /,
  ],
}

const frame = (type: number, flags: number, stream: number, payload: number[] | Buffer = []): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, Buffer.from(payload)])
}
const [DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = Array.from(
  { length: 10 },
  (_, i) => i,
) as [number, number, number, number, number, number, number, number, number, number]
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)])
/** GET /livez in HPACK: indexed method and scheme, path and authority as literals. */
const GET = [0x82, 0x87, 0x04, 6, ...Buffer.from('/livez'), 0x01, 1, 0x78]
const POST = [0x83, 0x87, 0x04, 6, ...Buffer.from('/livez'), 0x01, 1, 0x78]
const h2 = (...frames: Buffer[]): Send => bytes(PREFACE, ...frames)
const many = (n: number, one: (i: number) => Buffer) => Buffer.concat(Array.from({ length: n }, (_, i) => one(i)))

const HTTP2: Record<string, Send> = {
  'no preface': nothing,
  'another preface': bytes('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'),
  'nothing but the preface': h2(),
  'DATA on stream 0': h2(frame(DATA, 0, 0, [1, 2, 3])),
  'DATA on an idle stream': h2(frame(DATA, 0, 7, [1, 2, 3])),
  'DATA after the end': h2(frame(HEADERS, 5, 1, GET), frame(DATA, 0, 1, [1])),
  'HEADERS on stream 0': h2(frame(HEADERS, 5, 0, GET)),
  'HEADERS on an even stream': h2(frame(HEADERS, 5, 2, GET)),
  'HEADERS that are no HPACK': h2(frame(HEADERS, 5, 1, [0xff, 0xff, 0xff, 0xff, 0xff])),
  'HEADERS without an end': h2(frame(HEADERS, 1, 1, GET)),
  'HEADERS with padding beyond': h2(frame(HEADERS, 0x0d, 1, [200, ...GET])),
  'HEADERS backwards': h2(frame(HEADERS, 5, 9, GET), frame(HEADERS, 5, 3, GET)),
  'CONTINUATION without HEADERS': h2(frame(CONTINUATION, 4, 1, GET)),
  'CONTINUATION for ever': h2(
    frame(HEADERS, 1, 1, GET),
    many(2000, () => frame(CONTINUATION, 0, 1, [])),
  ),
  'SETTINGS on a stream': h2(frame(SETTINGS, 0, 1)),
  'SETTINGS of odd length': h2(frame(SETTINGS, 0, 0, [0, 1, 2])),
  'SETTINGS that cannot be': h2(frame(SETTINGS, 0, 0, [0, 4, 0xff, 0xff, 0xff, 0xff])),
  'SETTINGS acknowledged with more': h2(frame(SETTINGS, 1, 0, [0, 1, 0, 0, 0, 0])),
  'SETTINGS in masses': h2(many(5000, () => frame(SETTINGS, 0, 0))),
  'PING of odd length': h2(frame(PING, 0, 0, [1, 2, 3])),
  'PING on a stream': h2(frame(PING, 0, 1, [1, 2, 3, 4, 5, 6, 7, 8])),
  'PING in masses': h2(many(5000, () => frame(PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]))),
  'PUSH from a client': h2(frame(PUSH, 4, 1, [0, 0, 0, 2, ...GET])),
  'PRIORITY of odd length': h2(frame(PRIORITY, 0, 1, [1])),
  'RST_STREAM on an idle stream': h2(frame(RST, 0, 1, [0, 0, 0, 8])),
  'resets in masses': h2(
    many(500, (i) => Buffer.concat([frame(HEADERS, 5, 2 * i + 1, GET), frame(RST, 0, 2 * i + 1, [0, 0, 0, 8])])),
  ),
  'WINDOW_UPDATE of nothing': h2(frame(WINDOW, 0, 0, [0, 0, 0, 0])),
  'WINDOW_UPDATE beyond all': h2(frame(WINDOW, 0, 0, [0x7f, 0xff, 0xff, 0xff])),
  GOAWAY: h2(frame(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])),
  'GOAWAY with an error': h2(frame(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1])),
  'GOAWAY in masses': h2(many(2000, () => frame(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]))),
  'a frame of unknown type': h2(frame(77, 0, 0, [1])),
  'a frame too large': h2(frame(DATA, 0, 1, Buffer.alloc(20_000))),
  'half a frame': h2(frame(PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]).subarray(0, 12)),
  'a request, then nothing': h2(frame(HEADERS, 5, 1, GET)),
  'a refused request without an end': h2(frame(HEADERS, 4, 1, POST)),
}

const TLS: Record<string, [Send, RegExp?]> = {
  'no handshake': [nothing, /^ <-/],
  'half a handshake': [bytes([0x16, 3, 1, 2, 0, 1, 0]), /^ <-/],
  'a handshake that trickles': [onAndOn(bytes([0x16, 3, 1, 0x40, 0]), '\x01')],
  'a handshake that is none': [bytes([0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9])],
  'an alert first': [bytes([0x15, 3, 3, 0, 2, 2, 40])],
  'bytes of all sorts': [bytes([0, 1, 2, 3, 255])],
  HTTP: [
    bytes('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'),
    /^HTTP\/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request/,
  ],
  'HTTP that goes on': [onAndOn(bytes('POST / HTTP/1.1\r\nhost: x\r\n\r\n'), 'data'), /^HTTP\/1.0 400 Bad Request/],
}

const KINDS: [string, () => net.Socket, Record<string, [Send, RegExp?] | Send>][] = [
  ['the port', () => raw(port()), TLS],
  ['the Unix socket of pods', () => raw({ path: tlsSocket, allowHalfOpen: true }), TLS],
  ['HTTP/1.1 over TLS', () => secure(port(), ['http/1.1']), HTTP1],
  ['HTTP/2', () => secure(port(), ['h2']), HTTP2],
  ['HTTP/2 of a pod', () => secure({ path: tlsSocket, allowHalfOpen: true }, ['h2']), HTTP2],
  ['the Unix socket of nodes', () => raw({ path: plainSocket, allowHalfOpen: true }), HTTP1],
]
const descriptors = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

function health(agent: https.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      { port: server.port, host: '127.0.0.1', ca: pki.ca, path: '/livez', agent },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(text))
      },
    )
    request.on('error', reject)
  })
}

describe('a connection that a peer leaves open', () => {
  it.each(KINDS)(
    'on %s is closed by the server, whatever was sent, and others are served',
    async (_, connect, sent) => {
      await vi.waitFor(() => expect(server.connections).toBe(0), 20_000)
      const before = descriptors()
      const peers = Object.entries(sent).flatMap(([what, how]) =>
        [1, 2].map(() => {
          const [send, answer = /^/] = Array.isArray(how) ? how : [how]
          const opened = peer(connect())
          opened.socket.once(opened.socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () =>
            send(opened.socket),
          )
          return { ...opened, what, answer }
        }),
      )
      const agent = new https.Agent({ keepAlive: false })
      for (let i = 0; i < 5; i++) expect(await health(agent)).toBe('ok')
      for (const { what, answer, closed } of peers) expect(`${await closed} <- ${what}`).toMatch(answer)
      await vi.waitFor(() => expect(server.connections).toBe(0), 20_000)
      for (const { socket } of peers) socket.destroy()
      await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before), 20_000)
    },
  )

  it('on HTTP/1.1 over TLS: an answer that is not read: is closed by the server', async () => {
    const name = 'unread'
    const data = { big: 'x'.repeat(900_000) }
    const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
    for (let i = 0; i < 12; i++)
      await api.client.create(configMaps, {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name: `${name}-${i}`, namespace: 'default' },
        data,
      } as never)
    for (const path of ['configmaps', 'configmaps?watch=true&resourceVersion=0', 'configmaps?pretty=true']) {
      const socket = secure(port(), ['http/1.1'])
      socket.on('error', () => {})
      socket.write(`GET /api/v1/namespaces/default/${path} HTTP/1.1\r\nhost: x\r\n${token}\r\n`)
      socket.pause()
      await vi.waitFor(() => expect(server.connections).toBe(1), 10_000)
      await vi.waitFor(() => expect(server.connections).toBe(0), 10_000)
      socket.destroy()
    }
  })
})

describe('the number of connections', () => {
  it('of strangers is bounded for each peer: the oldest that does nothing makes room', async () => {
    const few = await start({ strangersPerPeer: 5, handshakeMs: 60_000, firstRequestMs: 60_000 })
    const connect = () => peer(net.connect({ port: few.port, host: '127.0.0.1' }))
    const peers = Array.from({ length: 5 }, connect)
    await vi.waitFor(() => expect(few.connections).toBe(5))
    const more = [connect(), connect()]
    await Promise.all([peers[0]?.closed, peers[1]?.closed])
    expect(few.connections).toBe(5)
    for (const { socket } of [...peers, ...more]) socket.destroy()
    await few.close()
  })

  it('is bounded in all: strangers make room, then users, administrators never', async () => {
    const few = await start({ connections: 8, idleMs: 60_000, firstRequestMs: 60_000, handshakeMs: 60_000 })
    const where = { port: few.port, host: '127.0.0.1', ca: pki.ca }
    const known = async () => {
      const socket = tls.connect(where)
      const opened = peer(socket)
      const answered = new Promise((resolve) => socket.once('data', resolve))
      socket.write(`GET /api/v1/namespaces/default HTTP/1.1\r\nhost: x\r\n${token}\r\n`)
      await answered
      return opened
    }
    const admins: Peer[] = []
    while (admins.length < 7) admins.push(await known())
    const stranger = peer(net.connect(where))
    await vi.waitFor(() => expect(few.connections).toBe(8))
    admins.push(await known())
    await stranger.closed
    const late = peer(net.connect(where))
    await late.closed
    expect(few.connections).toBe(8)
    for (const { socket } of admins) socket.destroy()
    await few.close()
  })

  it('is half strangers at most', () => {
    const { connections, strangersPerPeer, idleMs } = connectionLimits()
    expect(strangersPerPeer).toBe(Math.min(4_000, Math.ceil(connections / 2)))
    expect(idleMs).toBe(90_000)
    expect(connectionLimits({ connections: 4 }).strangersPerPeer).toBe(2)
  })
})
