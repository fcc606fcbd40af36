/** What no client should send, on every upgrade: it ends the connection that it came on, and what that had begun, and nothing else. */
import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BINARY, binary, CLOSE, closeCode, frame, PING, rawUpgrade, TEXT } from './raw-socket.node.ts'
import { FakeSession, ServerBench } from './server-bench.node.ts'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

let bench: ServerBench
beforeEach(async () => {
  bench = new ServerBench()
  await bench.open()
})
afterEach(() => bench.close())

const NOT_UTF8 = Buffer.from([0xc3, 0x28])
const close = (code: number, reason: Uint8Array = new Uint8Array(0)) =>
  frame({ opcode: CLOSE, payload: Buffer.concat([Buffer.from([code >> 8, code & 255]), reason]) })

const MALFORMED: readonly [what: string, bytes: Uint8Array, code: number][] = [
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Uint8Array, number] => [
    `opcode ${opcode}`,
    frame({ opcode }),
    1002,
  ]),
  ...[0x40, 0x20, 0x10, 0x70].map((rsv): [string, Uint8Array, number] => [
    `reserved bits ${rsv}`,
    frame({ opcode: BINARY, rsv }),
    1002,
  ]),
  ['a frame without mask', frame({ opcode: BINARY, masked: false, payload: Buffer.from('\0x') }), 1002],
  ['a ping in pieces', frame({ opcode: PING, fin: false }), 1002],
  ['a close in pieces', frame({ opcode: CLOSE, fin: false }), 1002],
  ['a ping of 126 bytes', frame({ opcode: PING, payload: Buffer.alloc(126) }), 1002],
  ['a close of 1 byte', frame({ opcode: CLOSE, payload: Buffer.alloc(1) }), 1002],
  ...[0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65535].map((code): [string, Uint8Array, number] => [
    `close code ${code}`,
    close(code),
    1002,
  ]),
  ['a close reason that is no UTF-8', close(1000, NOT_UTF8), 1007],
  ['text that is no UTF-8', frame({ opcode: TEXT, payload: NOT_UTF8 }), 1007],
  ['a continuation of nothing', frame({ opcode: 0 }), 1002],
  [
    'a message within a message',
    Buffer.concat([frame({ opcode: BINARY, fin: false }), frame({ opcode: BINARY })]),
    1002,
  ],
  ['33 MiB at once', frame({ opcode: BINARY, length: 33n * 1024n * 1024n }), 1009],
  ['2^53 bytes', frame({ opcode: BINARY, length: 2n ** 53n }), 1009],
  ['2^64 - 1 bytes', frame({ opcode: BINARY, length: 2n ** 64n - 1n }), 1009],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), 1002],
  ['noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 131 + 89) & 255)), 1002],
]

interface Upgrade {
  readonly path: () => string
  readonly protocols: readonly string[]
  /** Resolves when what the connection had begun is no more. */
  readonly over: () => Promise<void>
}

const killed = async () => {
  await bench.session.exit
  expect(bench.fake.killed).toBe(true)
}
const CHANNELS = ['', 'channel.k8s.io', 'base64.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io']
const unheard = async (count: () => number) => {
  while (count() > 0) await new Promise((resolve) => setImmediate(resolve))
}

const UPGRADES: Readonly<Record<string, Upgrade>> = {
  exec: {
    path: () => '/exec/default/p/app?command=sh&input=1&output=1&error=1',
    protocols: [...CHANNELS, 'v5.channel.k8s.io'],
    over: killed,
  },
  attach: {
    path: () => '/attach/default/p/app?input=1&output=1&error=1',
    protocols: [...CHANNELS, 'v5.channel.k8s.io'],
    over: killed,
  },
  portForward: {
    path: () => `/portForward/default/p?ports=${bench.echoPort}`,
    protocols: ['', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'SPDY/3.1+portforward.k8s.io'],
    over: () => bench.echoIdle(),
  },
  logs: {
    path: () => '/containerLogs/default/p/app?follow=true',
    protocols: ['', 'binary.k8s.io', 'base64.binary.k8s.io'],
    over: () => unheard(() => bench.listeners.length),
  },
}

for (const [name, { path, protocols, over }] of Object.entries(UPGRADES))
  describe.each(protocols)(`${name} as ${JSON.stringify('%s')}`, (protocol) => {
    it('survives every malformed frame, and what had begun ends', async () => {
      for (const [what, bytes, code] of MALFORMED) {
        bench.session = new FakeSession([], [], true)
        const client = await rawUpgrade(bench.socketPath, path(), protocol)
        client.socket.write(bytes)
        expect([what, closeCode(await client.ended)]).toEqual([what, code])
        await over()
      }
      expect(await bench.get('/healthz')).toEqual({ status: 200, body: 'ok' })
    })

    it('survives a client that breaks off in the middle of a frame', async () => {
      for (const how of ['end', 'destroy'] as const) {
        bench.session = new FakeSession([], [], true)
        const client = await rawUpgrade(bench.socketPath, path(), protocol)
        client.socket.write(frame({ opcode: BINARY, length: 1000n }))
        client.socket[how]()
        await client.ended
        await over()
      }
    })
  })

it('a session beside a malformed one goes on', async () => {
  const good = await bench.dial('/exec/default/p/app?command=cat&input=1&output=1', ['v5.channel.k8s.io'])
  const session = bench.fake
  bench.session = new FakeSession([], [], true)
  const bad = await rawUpgrade(bench.socketPath, '/exec/default/p/app?command=cat&output=1', 'v5.channel.k8s.io')
  bad.socket.write(frame({ opcode: 3 }))
  await bad.ended
  await killed()
  good.socket.send(Buffer.from('\0still here'))
  good.socket.send(Buffer.from([255, 0]))
  await good.closed
  expect(session.input).toEqual(['still here', 'END'])
  expect(session.killed).toBe(false)
})

it('messages that mean nothing are passed over, as in Kubernetes', async () => {
  const client = await bench.dial('/exec/default/p/app?command=cat&input=1&output=1&tty=1', ['v5.channel.k8s.io'])
  const nothing = [
    '',
    '\x05x',
    '\x7fx',
    '\xff',
    '\xff\x09',
    '\x04',
    '\x04{',
    '\x04null',
    '\x04{"Width":"80","Height":-1}',
  ]
  for (const text of nothing) client.socket.send(Buffer.from(text, 'latin1'))
  client.socket.send(Buffer.from('\0x'))
  client.socket.send(Buffer.from([255, 0]))
  await client.closed
  expect(bench.fake.input).toEqual(['x', 'END'])
  expect(bench.fake.sizes).toEqual([])
})

it('wrong base64 is passed over, right base64 arrives', async () => {
  const path = '/exec/default/p/app?command=cat&input=1&output=1'
  const client = await rawUpgrade(bench.socketPath, path, 'v4.base64.channel.k8s.io')
  for (const payload of ['0!!!!', 'x', '9eA==', '0eA=='].map((text) => Buffer.from(text)))
    client.socket.write(frame({ opcode: TEXT, payload }))
  while (!bench.fake.input.includes('x')) await new Promise((resolve) => setImmediate(resolve))
  expect(bench.fake.input.join('')).toBe('x')
  bench.fake.end(0)
  expect((await client.ended).toString('latin1')).toContain('3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ==')
})

describe('SPDY in the tunnel', () => {
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const control = (type: number, payload: Uint8Array, version = 0x8003) => {
    const head = Buffer.alloc(8)
    head.writeUInt16BE(version)
    head.writeUInt16BE(type, 2)
    head.writeUIntBE(payload.length, 5, 3)
    return Buffer.concat([head, payload])
  }
  const packed = (block: Uint8Array) => deflateSync(block, { dictionary: Buffer.from(SPDY_DICTIONARY) })
  const syn = (id: number, block: Uint8Array) => control(1, Buffer.concat([uint32(id), Buffer.alloc(6), block]))
  const pair = (name: string, value: string) =>
    Buffer.concat([name, value].flatMap((text) => [uint32(text.length), Buffer.from(text)]))

  const BROKEN: readonly [what: string, bytes: Uint8Array][] = [
    ['another version', control(1, Buffer.alloc(20), 0x8002)],
    [
      'a control frame of 16 MiB',
      Buffer.concat([control(4, Buffer.alloc(0)).subarray(0, 5), Buffer.from([255, 255, 255])]),
    ],
    ['a ping without a number', control(6, Buffer.alloc(0))],
    ['a long ping', control(6, Buffer.alloc(64))],
    ['a reset of nothing', control(3, Buffer.alloc(0))],
    ['a stream without an id', control(1, Buffer.alloc(2))],
    ['headers that were never packed', syn(1, Buffer.from('not packed at all'))],
    ['no headers', syn(1, packed(Buffer.alloc(0)))],
    ['fewer headers than announced', syn(1, packed(uint32(0xffffffff)))],
    ['a header longer than its block', syn(1, packed(Buffer.concat([uint32(1), uint32(0x7fffffff)])))],
    ['a block that unpacks to 128 MiB', syn(1, packed(Buffer.alloc(40 * 1024 * 1024)).subarray(0, 60_000))],
    ['a cut block', syn(1, packed(Buffer.concat([uint32(1), pair('a', 'b')])).subarray(0, -8))],
  ]
  it.each(BROKEN)('%s ends the connection', async (_what, bytes) => {
    const client = await rawUpgrade(bench.socketPath, '/portForward/default/p', 'SPDY/3.1+portforward.k8s.io')
    client.socket.write(binary(bytes))
    expect(closeCode(await client.ended)).toBe(1002)
    expect((await bench.get('/healthz')).status).toBe(200)
  })

  it('what means nothing is passed over', async () => {
    const client = await rawUpgrade(bench.socketPath, '/portForward/default/p', 'SPDY/3.1+portforward.k8s.io')
    const dataOfNoStream = Buffer.concat([uint32(77), Buffer.from([1, 0, 0, 3]), Buffer.from('abc')])
    for (const bytes of [control(4, Buffer.alloc(12)), control(99, Buffer.alloc(3)), dataOfNoStream])
      client.socket.write(binary(bytes))
    client.socket.write(binary(control(6, uint32(9))))
    await client.got(14)
    client.socket.write(close(1000))
    expect((await client.ended).subarray(2, 14)).toEqual(control(6, uint32(9)))
  })

  it('a port that is none and an unknown type of stream are reset, a goodbye is answered', async () => {
    for (const headers of [pair('streamtype', 'data'), pair('streamtype', 'x')]) {
      const client = await rawUpgrade(bench.socketPath, '/portForward/default/p', 'SPDY/3.1+portforward.k8s.io')
      client.socket.write(binary(syn(1, packed(Buffer.concat([uint32(1), headers])))))
      client.socket.write(binary(control(7, Buffer.alloc(8))))
      const sent = await client.ended
      expect(sent.includes(control(3, Buffer.concat([uint32(1), uint32(5)])))).toBe(true)
      expect(closeCode(sent)).toBe(1000)
    }
  })
})
