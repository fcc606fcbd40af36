/** The only source of randomness: uids, jitter and generated names included. */
export interface Random {
  /** Uniform integer in [0, below). */
  int(below: number): number
  /** Uniform in [0, 1). */
  ratio(): number
  /** An independent stream; the same name from the same state gives the same stream. */
  fork(name: string): Random
}

/** xoshiro128** seeded through splitmix32: small, fast, and good enough for names, jitter and simulation; not for keys. */
export class SeededRandom implements Random {
  private readonly seed: number
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: number) {
    this.seed = seed >>> 0
    let s = this.seed
    const next = () => {
      s = (s + 0x9e3779b9) | 0
      let z = s ^ (s >>> 16)
      z = Math.imul(z, 0x21f0aaad)
      z ^= z >>> 15
      z = Math.imul(z, 0x735a2d97)
      return (z ^ (z >>> 15)) >>> 0
    }
    this.a = next()
    this.b = next()
    this.c = next()
    this.d = next()
  }

  private next(): number {
    const r = Math.imul(this.b, 5)
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0
    const t = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= t
    this.d = (this.d << 11) | (this.d >>> 21)
    return result
  }

  int(below: number): number {
    return Math.floor(this.ratio() * below)
  }

  ratio(): number {
    return (this.next() * 0x200000 + (this.next() >>> 11)) / 0x20000000000000
  }

  fork(name: string): Random {
    let h = this.seed ^ this.next()
    for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193)
    return new SeededRandom(h)
  }
}

const HEX = '0123456789abcdef'

/** A version 4 UUID. */
export function uuid(random: Random): string {
  let out = ''
  for (let i = 0; i < 36; i++) {
    if (i === 8 || i === 13 || i === 18 || i === 23) out += '-'
    else if (i === 14) out += '4'
    else if (i === 19) out += HEX[8 + random.int(4)]
    else out += HEX[random.int(16)]
  }
  return out
}
