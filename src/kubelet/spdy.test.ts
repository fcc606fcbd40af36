import { constants, createDeflate, createInflate } from 'node:zlib'
import { expect, it } from 'vitest'
import { SpdyConnection, type SpdyStream } from './spdy.node.ts'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

function adler32(bytes: Uint8Array): string {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return (b * 65536 + a).toString(16)
}

/** The client's side, by hand: header blocks in one compression context, as the protocol asks. */
class Client {
  readonly connection: SpdyConnection
  readonly streams: SpdyStream[] = []
  readonly frames: Buffer[] = []
  private readonly deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  readonly closed: (string | undefined)[] = []
  private wake: (() => void) | undefined

  constructor() {
    this.connection = new SpdyConnection({
      send: (bytes) => {
        this.note(() => this.frames.push(Buffer.from(bytes)))
        return undefined
      },
      opened: (stream) => this.note(() => this.streams.push(stream)),
      closed: (why) => this.note(() => this.closed.push(why)),
    })
  }

  async syn(id: number, headers: Record<string, string>, flags = 0): Promise<Buffer> {
    const texts = Object.entries(headers).flat()
    const block = Buffer.concat([
      uint32(texts.length / 2),
      ...texts.flatMap((text) => [uint32(text.length), Buffer.from(text)]),
    ])
    const parts: Buffer[] = []
    this.deflate.removeAllListeners('data').on('data', (part: Buffer) => parts.push(part))
    this.deflate.write(block)
    await new Promise<void>((resolve) => this.deflate.flush(constants.Z_SYNC_FLUSH, resolve))
    return control(1, flags, Buffer.concat([uint32(id), uint32(0), Buffer.alloc(2), ...parts]))
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
  }

  private note(what: () => void): void {
    what()
    this.wake?.()
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function control(type: number, flags: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80, 3, 0, type, flags]), uint32(payload.length).subarray(1), payload])
}

function data(id: number, text: string, flags = 0): Buffer {
  return Buffer.concat([uint32(id), Buffer.from([flags]), uint32(text.length).subarray(1), Buffer.from(text)])
}

it('[SP1] the dictionary is the one of the protocol', () => {
  expect(SPDY_DICTIONARY.length).toBe(1423)
  expect(adler32(SPDY_DICTIONARY)).toBe('e3c6a7c2')
})

it('[SP2] opens streams with their headers and answers each with SYN_REPLY, however the bytes are cut', async () => {
  const client = new Client()
  const bytes = Buffer.concat([
    await client.syn(1, { streamtype: 'error', port: '80', requestid: '0' }, 1),
    await client.syn(3, { streamtype: 'data', port: '80', requestid: '0' }),
    data(3, 'hello '),
    data(3, 'world', 1),
  ])
  for (const byte of bytes) void client.connection.receive(Buffer.from([byte]))
  await client.until(() => client.streams.length === 2)
  expect(client.streams.map((s) => [s.id, s.headers])).toEqual([
    [1, { streamtype: 'error', port: '80', requestid: '0' }],
    [3, { streamtype: 'data', port: '80', requestid: '0' }],
  ])
  const seen: (string | undefined)[] = []
  const stream = client.streams[1] as SpdyStream
  await new Promise<void>((resolve) => {
    stream.onData = (part) => {
      seen.push(part && Buffer.from(part).toString())
      if (!part) resolve()
      return undefined
    }
  })
  expect(seen.at(-1)).toBeUndefined()
  expect(seen.join('')).toBe('hello world')
  const replies = client.frames.map((frame) => [frame.readUInt16BE(2), frame.readUInt32BE(8)])
  expect(replies).toEqual([
    [2, 1],
    [2, 3],
  ])
  // The header block of a reply is readable with the protocol's dictionary.
  const inflate = createInflate({ dictionary: SPDY_DICTIONARY })
  const block = await new Promise<Buffer>((resolve) => {
    inflate.on('data', resolve)
    inflate.write((client.frames[0] as Buffer).subarray(12))
  })
  expect(block.readUInt32BE(0)).toBe(0)
  client.connection.close()
})

it('[SP3] answers pings, cuts data into frames, ends a stream once', async () => {
  const client = new Client()
  void client.connection.receive(control(6, 0, uint32(7)))
  void client.connection.receive(await client.syn(1, { port: '1' }))
  await client.until(() => client.streams.length === 1)
  expect(client.frames[0]).toEqual(control(6, 0, uint32(7)))
  const stream = client.streams[0] as SpdyStream
  client.frames.length = 0
  void stream.write(Buffer.alloc(40_000))
  stream.end()
  stream.end()
  expect(client.frames.map((frame) => [frame.readUInt32BE(0), frame[4], frame.readUIntBE(5, 3)])).toEqual([
    [1, 0, 16_384],
    [1, 0, 16_384],
    [1, 0, 7_232],
    [1, 1, 0],
  ])
  client.connection.close()
})

it('[SP4] a header block is unpacked to 64 KiB, not to the 100 MB that it stands for', async () => {
  const client = new Client()
  const block = await client.syn(1, { a: 'x'.repeat(100_000_000) })
  // What is left of it says as much in each of its parts.
  const frame = Buffer.concat([block.subarray(0, 5), uint32(60_000).subarray(1), block.subarray(8, 60_008)])
  const before = process.memoryUsage().arrayBuffers
  await client.connection.receive(frame)
  expect(client.closed).toEqual(['a header block of more than 65536 bytes'])
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000)
  client.connection.close()
})

it('[SP5] 4,096 streams at a time: more are refused, ended ones are forgotten', async () => {
  const client = new Client()
  const open = async (id: number) => client.connection.receive(await client.syn(id, {}))
  for (let i = 0; i < 4096; i++) await open(2 * i + 1)
  expect(client.streams).toHaveLength(4096)
  await open(8193)
  expect(client.streams).toHaveLength(4096)
  expect(client.frames.at(-1)).toEqual(control(3, 0, Buffer.concat([uint32(8193), uint32(3)])))
  client.streams[0]?.end()
  await client.connection.receive(data(1, '', 1))
  client.streams[1]?.reset()
  await client.connection.receive(control(3, 0, Buffer.concat([uint32(5), uint32(5)])))
  for (const id of [8195, 8197, 8199]) await open(id)
  expect(client.streams).toHaveLength(4099)
  expect(client.closed).toEqual([])
  client.connection.close()
})

it('[SP6] data of any length passes through in the pieces in which it comes', async () => {
  const client = new Client()
  await client.connection.receive(await client.syn(1, {}))
  const seen: number[] = []
  ;(client.streams[0] as SpdyStream).onData = (part) => {
    seen.push(part?.length ?? -1)
    return undefined
  }
  const length = 0xffffff
  await client.connection.receive(Buffer.concat([uint32(1), Buffer.from([1, 0xff, 0xff, 0xff]), Buffer.alloc(7)]))
  for (let left = length - 7; left > 0; left -= 65_536)
    await client.connection.receive(Buffer.alloc(Math.min(left, 65_536)))
  expect(seen.slice(0, 2)).toEqual([7, 65_536])
  expect(seen.at(-1)).toBe(-1)
  expect(seen.slice(0, -1).reduce((sum, n) => sum + n, 0)).toBe(length)
  client.connection.close()
})
