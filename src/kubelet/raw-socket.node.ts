/** A WebSocket client for tests that says what no library would. */
import { connect, type Socket } from 'node:net'

export interface Frame {
  readonly opcode: number
  readonly payload?: Uint8Array
  readonly fin?: boolean
  /** RSV1 is 0x40, RSV2 0x20, RSV3 0x10. */
  readonly rsv?: number
  readonly masked?: boolean
  /** What the head says instead of the payload's length. */
  readonly length?: bigint
}

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9

/** A frame as it goes over the wire, masked with zeros. */
export function frame({
  opcode,
  payload = new Uint8Array(0),
  fin = true,
  rsv = 0,
  masked = true,
  length,
}: Frame): Buffer {
  const announced = length ?? BigInt(payload.length)
  const head = [(fin ? 0x80 : 0) | rsv | opcode]
  const mask = masked ? 0x80 : 0
  if (announced < 126n) head.push(mask | Number(announced))
  else if (announced < 65536n) head.push(mask | 126, Number(announced >> 8n), Number(announced & 255n))
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(announced)
    head.push(mask | 127, ...long)
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), payload])
}

export const binary = (payload: Uint8Array): Buffer => frame({ opcode: BINARY, payload })

export interface RawClient {
  readonly socket: Socket
  /** Resolves to what the server has sent since the upgrade, when its side has ended. */
  readonly ended: Promise<Buffer>
  /** Resolves when the server has sent `bytes` bytes since the upgrade. */
  got(bytes: number): Promise<void>
}

/** Resolves when the upgrade is accepted; rejects with the head of another answer. */
export function rawUpgrade(socketPath: string, path: string, protocol: string): Promise<RawClient> {
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const head = ['host: x', 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13']
  if (protocol) head.push(`sec-websocket-protocol: ${protocol}`)
  socket.write(`GET ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\nsec-websocket-key: ${key}\r\n\r\n`)
  let seen = Buffer.alloc(0)
  let bodyAt = -1
  let wake = () => {}
  return new Promise((resolve, reject) => {
    const ended = new Promise<Buffer>((over) => {
      socket.on('close', () => over(seen.subarray(bodyAt)))
    })
    const got = async (bytes: number) => {
      while (seen.length - bodyAt < bytes)
        await new Promise<void>((look) => {
          wake = look
        })
    }
    socket.on('data', (bytes) => {
      seen = Buffer.concat([seen, bytes])
      wake()
      if (bodyAt >= 0 && closeCode(seen.subarray(bodyAt)) !== undefined) socket.end(frame({ opcode: CLOSE }))
      const end = seen.indexOf('\r\n\r\n')
      if (bodyAt >= 0 || end < 0) return
      bodyAt = end + 4
      if (seen.toString('latin1', 0, 12) === 'HTTP/1.1 101') resolve({ socket, ended, got })
      else reject(new Error(seen.toString('latin1')))
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => socket.destroy())
  })
}

/** The code of the close frame that ends what a server has sent; undefined when there is none. */
export function closeCode(sent: Buffer): number | undefined {
  for (let at = 0; at + 2 <= sent.length; ) {
    const short = (sent[at + 1] ?? 0) & 0x7f
    const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2
    const length =
      short === 126 ? sent.readUInt16BE(at + 2) : short === 127 ? Number(sent.readBigUInt64BE(at + 2)) : short
    if (((sent[at] ?? 0) & 0x0f) === CLOSE) return length >= 2 ? sent.readUInt16BE(at + headBytes) : 1005
    at += headBytes + length
  }
  return undefined
}
