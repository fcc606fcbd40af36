import zlib from 'node:zlib'

/** CRC-32 of `bytes` going on from `start`: Node's own where it has one (20.15 and later), else by table. */
export const crc32: (bytes: Uint8Array | string, start?: number) => number = zlib.crc32 ?? crc32ByTable

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

export function crc32ByTable(bytes: Uint8Array | string, start = 0): number {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  let crc = ~start
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}
