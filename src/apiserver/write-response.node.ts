/** Answers onto sockets: objects in one write, lists in large pieces, watches frame by frame with a limit on what may wait. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { assert } from '../base/assert.ts'
import type { ApiResponse, ResponseBody, WatchStream } from '../wire/exchange.ts'

/** What may wait for one slow watcher, in bytes; more and it is closed with 410, which costs the others nothing. */
export const WATCHER_BUFFER_BYTES_MAX = 8 * 1024 * 1024

const SLOW_WATCHER_DRAIN_MS = 30_000

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

export async function writeResponse(answer: ApiResponse, request: AnyRequest, response: AnyResponse): Promise<void> {
  const { body, status } = answer
  const headers: Record<string, string | string[] | number> = { 'cache-control': 'no-cache, private' }
  for (const name in answer.headers) headers[name] = answer.headers[name] as string | string[]
  switch (body.type) {
    case 'watch':
      return watch(response as ServerResponse, body.stream, { status, headers })
    case 'stream':
      return stream(response as ServerResponse, body.stream, { status, headers })
    case 'list':
      return pieces(response as ServerResponse, body.chunks(), { status, headers, head: request.method === 'HEAD' })
    default: {
      const bytes = bytesOf(body, headers['content-type'])
      headers['content-length'] = bytes.length
      return inBurst(() => {
        response.writeHead(status, headers)
        if (request.method === 'HEAD') response.end()
        else response.end(bytes)
      })
    }
  }
}

let burst: (() => void)[] = []

/**
 * Answers that become ready in one turn of the event loop are written at its end, one after the other: the first write wakes
 * the client's process, which is dear, and the others find it awake. Resolves when written.
 */
function inBurst(write: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (burst.length === 0) setImmediate(writeBurst)
    burst.push(() => {
      try {
        write()
        resolve()
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

function writeBurst(): void {
  const writes = burst
  burst = []
  for (const write of writes) write()
}

interface Head {
  readonly status: number
  readonly headers: Record<string, string | string[] | number>
}

const NEWLINE = Buffer.from('\n')

/** An object in JSON ends with a newline, as Kubernetes writes it: the next prompt of a shell stands on a line of its own. */
function bytesOf(body: ResponseBody, contentType: unknown): Uint8Array {
  if (body.type === 'empty') return Buffer.alloc(0)
  if (body.type === 'text') return Buffer.from(body.text)
  assert(body.type === 'object', `${body.type} has no bytes of its own`)
  const bytes = body.bytes()
  return contentType === 'application/json' ? Buffer.concat([bytes, NEWLINE]) : bytes
}

async function pieces(
  response: ServerResponse,
  chunks: readonly Uint8Array[],
  { status, headers, head }: Head & { head: boolean },
): Promise<void> {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  headers['content-length'] = size
  response.writeHead(status, headers)
  if (!head)
    for (const chunk of chunks) {
      if (response.destroyed) return
      if (!response.write(chunk)) await drained(response)
    }
  response.end()
}

/** Resolves when the response can take more, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const over = new AbortController()
  const { signal } = over
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).catch(() => {})
  over.abort()
}

async function stream(
  response: ServerResponse,
  source: AsyncIterable<Uint8Array>,
  { status, headers }: Head,
): Promise<void> {
  response.writeHead(status, headers)
  response.flushHeaders()
  for await (const bytes of source) {
    if (response.destroyed) return
    if (!response.write(bytes)) await drained(response)
  }
  response.end()
}

/** Resolves when the watch is over, on either side. */
function watch(response: ServerResponse, source: WatchStream, { status, headers }: Head): Promise<void> {
  response.writeHead(status, headers)
  response.flushHeaders()
  return new Promise((resolve) => {
    let stop = () => {}
    const finish = () => {
      stop()
      resolve()
    }
    response.once('close', finish)
    response.on('error', () => response.destroy())
    let full = false
    stop = source.start({
      frame(frame) {
        if (response.destroyed) return true
        if (frame.type !== 'ERROR' && response.writableLength > WATCHER_BUFFER_BYTES_MAX) {
          full = true
          return false
        }
        response.write(frame.bytes())
        return true
      },
      end() {
        if (response.destroyed) return
        response.end()
        if (full) giveUp(response)
      },
    })
    if (response.destroyed) finish()
  })
}

/** One that was too slow gets time to read what is left and why it ended, then its connection goes. */
function giveUp(response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), SLOW_WATCHER_DRAIN_MS)
  response.once('close', () => clearTimeout(timer))
}
