/** Bodies of requests: how large one may be, how much all of them may take up, and who gives way when it gets too much. */
import { type ApiError, failure, tooManyRequests } from '../api/status.ts'
import type { RequestBody } from '../wire/exchange.ts'
import { standingOf } from './flow/levels.ts'
import type { OpenRequest } from './open-request.node.ts'

/** Largest request body, in bytes; more is 413. As in Kubernetes. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024

/** A body that is too large is read on, unkept, so that its sender comes to read the answer; but not for ever, in bytes. */
const DRAINED_BYTES_MAX = 4 * BODY_BYTES_MAX

/**
 * What the bodies of all requests under way may take up together, in bytes. Then the user whose unfinished ones take up most gets
 * 429 for the oldest of them; administrators and parts of the system only when there is nobody else.
 */
export const BODIES_BYTES_MAX = 192 * 1024 * 1024

/** When those come again whose body had to give way. */
const RETRY_AFTER_SECONDS = 1

interface Reading {
  readonly open: OpenRequest
  bytes: number
  refuse(error: ApiError): void
}

export class Bodies {
  private readonly max: number
  /** Those that have not come whole yet, oldest first. */
  private readonly unfinished = new Set<Reading>()
  private held = 0

  constructor(max = BODIES_BYTES_MAX) {
    this.max = max
  }

  read(open: OpenRequest): Promise<RequestBody> {
    const { request } = open
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let seen = 0
      const refuse = (error: ApiError) => {
        chunks.length = 0
        this.forget(reading)
        reject(error)
      }
      const reading: Reading = { open, bytes: 0, refuse }
      const broken = () => {
        if (this.unfinished.has(reading)) refuse(failure(400, 'BadRequest', 'unexpected EOF'))
      }
      this.unfinished.add(reading)
      open.arriving = true
      open.whenOver(() => {
        broken()
        this.held -= reading.bytes
      })
      if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) refuse(tooLarge())
      request.on('data', (chunk: Buffer) => {
        seen += chunk.length
        if (seen > DRAINED_BYTES_MAX) open.destroy()
        if (!this.unfinished.has(reading)) return
        if (seen > BODY_BYTES_MAX) return refuse(tooLarge())
        chunks.push(chunk)
        this.grow(reading, chunk.length)
      })
      request.on('end', () => {
        open.arriving = false
        this.unfinished.delete(reading)
        const [first] = chunks
        resolve(first ? { bytes: chunks.length === 1 ? first : Buffer.concat(chunks, seen) } : undefined)
      })
      request.on('error', broken)
      request.on('aborted', broken)
    })
  }

  private forget(reading: Reading): void {
    this.unfinished.delete(reading)
    this.held -= reading.bytes
    reading.bytes = 0
  }

  private grow(reading: Reading, bytes: number): void {
    reading.bytes += bytes
    this.held += bytes
    while (this.held > this.max) {
      const giving = this.largestHolder() ?? reading
      giving.refuse(tooManyRequests('Too many requests, please try again later.', RETRY_AFTER_SECONDS))
      if (giving === reading) return
    }
  }

  /** The oldest unfinished body of the user whose bodies take up most. */
  private largestHolder(): Reading | undefined {
    const all = [...this.unfinished].filter((reading) => reading.bytes > 0)
    const ordinary = all.filter(({ open }) => !open.user || standingOf(open.user) === 'workload')
    const first = new Map<string, { reading: Reading; bytes: number }>()
    for (const reading of ordinary.length > 0 ? ordinary : all) {
      const name = reading.open.user?.name ?? ''
      const known = first.get(name)
      if (known) known.bytes += reading.bytes
      else first.set(name, { reading, bytes: reading.bytes })
    }
    return [...first.values()].sort((a, b) => b.bytes - a.bytes)[0]?.reading
  }
}

function tooLarge(): ApiError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_BYTES_MAX}`)
}
