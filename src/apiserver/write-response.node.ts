/** Answers onto sockets: objects in one write, lists piece by piece as their reader takes them, watches frame by frame with a limit on what may wait. */
import type { ServerResponse } from 'node:http'
import { assert } from '../base/assert.ts'
import type { ApiResponse, ResponseBody, WatchStream } from '../wire/exchange.ts'
import { Chunks } from '../wire/list.ts'
import type { OpenRequest } from './open-request.node.ts'
import { inSlice } from './slices.node.ts'

/** What may wait for one slow watcher, in bytes; more and it is closed with 410, which costs the others nothing. */
export const WATCHER_BUFFER_BYTES_MAX = 8 * 1024 * 1024

const SLOW_WATCHER_DRAIN_MS = 30_000

/** Chunks of an answer whose bytes are only being made, YAML above all: 64 KiB of that take 2.5 ms. */
const MADE_CHUNK_BYTES = 64 * 1024

interface Head {
  readonly status: number
  readonly headers: Record<string, string | string[] | number>
}

/** Resolves when all of the answer has been handed to its socket, for streams when they are over. */
export async function writeResponse(answer: ApiResponse, open: OpenRequest): Promise<void> {
  const { body, status } = answer
  const headers: Head['headers'] = { 'cache-control': 'no-cache, private' }
  for (const name in answer.headers) headers[name] = answer.headers[name] as string | string[]
  // What has not come of the body would be taken for the next request.
  if (open.arriving && open.request.httpVersionMajor < 2) headers.connection = 'close'
  const head = { status, headers }
  switch (body.type) {
    case 'watch':
      return watch(open, body.stream, head)
    case 'stream':
      return stream(open, body.stream, head)
    case 'list':
      return inChunks(open, new Chunks(body.pieces()), head)
    case 'pieces':
      return inChunks(open, new Chunks(body.pieces(), MADE_CHUNK_BYTES), head)
    default: {
      const bytes = bytesOf(body, headers['content-type'])
      headers['content-length'] = bytes.length
      await inBurst(() => {
        open.response.writeHead(status, headers)
        return endWith(open, bytes)
      })
    }
  }
}

let burst: (() => void)[] = []

/**
 * Answers that become ready in one turn of the event loop are written at its end, one after the other: the first write wakes
 * the client's process, which is dear, and the others find it awake. Resolves when written.
 */
function inBurst<T>(write: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (burst.length === 0) setImmediate(writeBurst)
    burst.push(() => {
      try {
        resolve(write())
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

/** Longer answers over HTTP/1.1 keep their last byte back; with the head it stays below what a socket takes at once, 16 KiB. */
const AT_ONCE_BYTES_MAX = 8 * 1024

/**
 * The last bytes of an answer; resolves to true when they are handed over. While a socket still holds what it could not take, Node
 * stops reading the next request on it, and does so too late for a request of two TLS records: its parser then calls the second
 * one malformed ('Parse Error: Paused'). So no client gets an answer whole before the socket has taken the rest of it.
 */
async function endWith(open: OpenRequest, bytes: Uint8Array): Promise<true> {
  const { request } = open
  const response = open.response as ServerResponse
  const early = bytes.length - 1
  if (request.method === 'HEAD') response.end()
  else if (request.httpVersionMajor >= 2 || early < AT_ONCE_BYTES_MAX) response.end(bytes)
  else {
    if (!response.write(bytes.subarray(0, early))) await drained(response, open)
    if (!open.over) response.end(bytes.subarray(early))
  }
  return true
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

/** A chunk is made when the one before has been taken: a slow reader holds one, and nobody's turn. */
async function inChunks(open: OpenRequest, chunks: Chunks, { status, headers }: Head): Promise<void> {
  const response = open.response as ServerResponse
  const next = (first: boolean): boolean | Promise<true> => {
    const chunk = chunks.next()
    if (first) {
      if (chunks.done) headers['content-length'] = chunk.length
      response.writeHead(status, headers)
    }
    if (!chunks.done && open.request.method !== 'HEAD') return response.write(chunk)
    return endWith(open, chunk)
  }
  for (let first = true; first || !response.writableEnded; first = false) {
    const taken = await inSlice(() => open.over || next(first))
    if (open.over) return chunks.close()
    if (!taken) await drained(response, open)
  }
}

/** Resolves when the response can take more, or is gone. */
function drained(response: ServerResponse, open: OpenRequest): Promise<void> {
  return new Promise((resolve) => {
    const forget = open.whenOver(resolve)
    response.once('drain', () => {
      forget()
      resolve()
    })
  })
}

async function stream(open: OpenRequest, source: AsyncIterable<Uint8Array>, { status, headers }: Head): Promise<void> {
  const response = open.response as ServerResponse
  open.endless = true
  response.writeHead(status, headers)
  response.flushHeaders()
  for await (const bytes of source) {
    if (open.over) return
    if (!response.write(bytes)) await drained(response, open)
  }
  response.end()
}

/** Resolves when the watch is over, on either side. */
function watch(open: OpenRequest, source: WatchStream, { status, headers }: Head): Promise<void> {
  const response = open.response as ServerResponse
  open.endless = true
  response.writeHead(status, headers)
  response.flushHeaders()
  return new Promise((resolve) => {
    response.on('error', () => open.destroy())
    let full = false
    const stop = source.start({
      frame(frame) {
        if (open.over) return true
        if (frame.type !== 'ERROR' && response.writableLength > WATCHER_BUFFER_BYTES_MAX) {
          full = true
          return false
        }
        response.write(frame.bytes())
        return true
      },
      end() {
        if (open.over) return
        response.end()
        if (full) giveUp(open)
      },
    })
    open.whenOver(() => {
      stop()
      resolve()
    })
  })
}

/** One that was too slow gets time to read what is left and why it ended, then its connection goes. */
function giveUp(open: OpenRequest): void {
  const timer = setTimeout(() => open.destroy(), SLOW_WATCHER_DRAIN_MS)
  open.whenOver(() => clearTimeout(timer))
}
